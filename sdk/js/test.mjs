// node test.mjs PROJECT: runs PROJECT/test/*.test.ts (or .js) under `node --test`, with the host's modules played by a stand-in.

import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { bundle, fromStandIn } from "./bundle.mjs";

const folder = resolve(process.argv[2] ?? ".", "test");
const tests = existsSync(folder) ? readdirSync(folder).filter((name) => /\.test\.[jt]s$/.test(name)) : [];
if (tests.length === 0) {
  console.error(`There are no tests: nothing in ${folder} ends in .test.ts or .test.js.`);
  process.exit(2);
}
const outdir = mkdtempSync(join(tmpdir(), "jackfield-js-test-"));
try {
  await bundle(tests.map((name) => join(folder, name)), { ...fromStandIn, outdir, outExtension: { ".js": ".mjs" }, sourcemap: "inline" });
  const made = readdirSync(outdir).map((name) => join(outdir, name));
  process.exitCode = spawnSync(process.execPath, ["--enable-source-maps", "--test", ...made], { stdio: "inherit" }).status ?? 1;
} catch (error) {
  console.error(error.errors?.map(({ text, location: at }) => `${at ? `${at.file}:${at.line}: ` : ""}${text}`).join("\n") ?? error.message);
  process.exitCode = 1;
} finally {
  rmSync(outdir, { recursive: true, force: true });
}
