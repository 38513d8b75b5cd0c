// The world of one connector: exactly what its module exports, so that optional interfaces are found from the component's type.

import { cp, mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The contract lies beside the SDK, as in the project's own repository; `JACKFIELD_WIT` names another place. */
const CONTRACT = process.env.JACKFIELD_WIT ?? fileURLToPath(new URL("../../wit", import.meta.url));
const PACKAGE = "jackfield:connector";
const IMPORTS = ["channel", "log", "state", "secrets"];
/** Whoever asks for news need not be called. */
const required = (names) => [names.includes("poll") ? "poll" : "receive", "identity"];

/** Writes the WIT of a world `connector` into `folder`. `names` are the module's exports. */
export async function writeWorld(folder, names) {
  const files = (await readdir(CONTRACT)).filter((name) => name.endsWith(".wit"));
  const texts = await Promise.all(files.map((name) => readFile(join(CONTRACT, name), "utf8")));
  const version = texts[0].match(/^package [^@]+@([^;]+);/m)[1];
  const interfaces = texts.flatMap((text) => [...text.matchAll(/^interface ([a-z-]+)/gm)].map((match) => match[1]));
  const offered = interfaces.filter((name) => name !== "types" && !IMPORTS.includes(name));
  const exported = offered.filter((name) => names.includes(camel(name)));
  const missing = required(names).filter((name) => !exported.includes(name));
  if (missing.length > 0) {
    throw new Error(
      `The connector does not export ${missing.map((name) => `\`${name}\``).join(" and ")}; every connector has to.`,
    );
  }
  const http = await readFile(join(CONTRACT, "deps", "http.wit"), "utf8");
  const lines = [
    `  import wasi:http/outgoing-handler@${http.match(/^package wasi:http@([^;]+);/m)[1]};`,
    ...IMPORTS.map((name) => `  import ${PACKAGE}/${name}@${version};`),
    ...exported.map((name) => `  export ${PACKAGE}/${name}@${version};`),
  ];
  await mkdir(join(folder, "deps", "contract"), { recursive: true });
  await cp(join(CONTRACT, "deps"), join(folder, "deps"), { recursive: true });
  // Not the worlds: what they name is none of this connector's business.
  const kept = files.map((name, index) => [name, texts[index]]).filter(([, text]) => !/^world /m.test(text));
  await Promise.all(kept.map(([name, text]) => writeFile(join(folder, "deps", "contract", name), text)));
  await writeFile(join(folder, "world.wit"), `package jackfield:built;\n\nworld connector {\n${lines.join("\n")}\n}\n`);
}

const camel = (name) => name.replace(/-([a-z])/g, (_, letter) => letter.toUpperCase());
