// node build.mjs PROJECT OUT.wasm: from a folder with src/index.ts (or .js) to a component. The manifest is embedded by jackfield-dev.

import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";

import { bundle, fromHost } from "./bundle.mjs";
import { componentizer } from "./tools.mjs";
import { writeWorld } from "./world.mjs";

const ENTRIES = ["src/index.ts", "src/index.js", "index.ts", "index.js"];

async function build(project, out) {
  const entry = ENTRIES.map((name) => join(project, name)).find((path) => existsSync(path));
  if (!entry) throw new Error(`There is no connector in ${project}: none of ${ENTRIES.join(", ")} exists.`);
  const folder = await mkdtemp(join(tmpdir(), "jackfield-js-"));
  try {
    const source = join(folder, "connector.js");
    const joined = await bundle([entry], { ...fromHost, outfile: source, metafile: true });
    const [output] = Object.values(joined.metafile.outputs).filter((output) => output.entryPoint);
    await writeWorld(join(folder, "wit"), output.exports);
    // Nobody calls a connector through `fetch` events. The clock, randomness and `fetch` itself a connector needs, and on standard
    // error stands what it threw.
    const { componentize } = await componentizer();
    const { component } = await componentize({
      sourcePath: source,
      witPath: join(folder, "wit"),
      worldName: "connector",
      disableFeatures: ["fetch-event"],
    });
    await mkdir(dirname(out), { recursive: true });
    // It appears whole or not at all.
    await writeFile(`${out}.part`, component);
    await rename(`${out}.part`, out);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const [project, out] = process.argv.slice(2);
if (!project || !out) {
  console.error("usage: node build.mjs PROJECT OUT.wasm");
  process.exit(2);
}
try {
  await build(resolve(project), resolve(out));
} catch (error) {
  // esbuild's own list of errors names files and lines; anything else is one sentence.
  const said = error.errors
    ?.map(({ text, location: at }) => `${at ? `${at.file}:${at.line}: ` : ""}${text}`)
    .join("\n");
  console.error(said ?? error.message);
  process.exit(1);
}
