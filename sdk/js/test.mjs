// node test.mjs PROJECT: checks the types of PROJECT/src, and runs PROJECT/test/*.test.ts (or .js) under `node --test`, with the host's
// modules played by a stand-in.

import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { bundle, fromStandIn, own } from "./bundle.mjs";
import { tsc } from "./tools.mjs";

/** As in the template's tsconfig.json, which is for editors. */
const TYPES = {
  strict: true,
  noEmit: true,
  target: "es2022",
  lib: ["es2022", "dom", "dom.iterable"],
  module: "esnext",
  moduleResolution: "bundler",
  allowImportingTsExtensions: true,
  resolveJsonModule: true,
  skipLibCheck: true,
  types: [],
  paths: { "jackfield-sdk": [own("src/index.ts")] },
};

const project = resolve(process.argv[2] ?? ".");
const folder = join(project, "test");
const tests = existsSync(folder) ? readdirSync(folder).filter((name) => /\.test\.[jt]s$/.test(name)) : [];
if (tests.length === 0) {
  console.error(`There are no tests: nothing in ${folder} ends in .test.ts or .test.js.`);
  process.exit(2);
}
const outdir = mkdtempSync(join(tmpdir(), "jackfield-js-test-"));
const run = (...given) => spawnSync(process.execPath, given, { stdio: "inherit" }).status ?? 1;
try {
  if (existsSync(join(project, "src/index.ts"))) {
    const config = join(outdir, "tsconfig.json");
    writeFileSync(
      config,
      JSON.stringify({ compilerOptions: TYPES, include: [join(project, "src"), own("src/host.d.ts")] }),
    );
    process.exitCode = run(tsc, "-p", config);
    rmSync(config);
  }
  await bundle(
    tests.map((name) => join(folder, name)),
    { ...fromStandIn, outdir, outExtension: { ".js": ".mjs" }, sourcemap: "inline" },
  );
  const made = readdirSync(outdir).map((name) => join(outdir, name));
  process.exitCode = run("--enable-source-maps", "--test", ...made) || process.exitCode;
} catch (error) {
  console.error(
    error.errors?.map(({ text, location: at }) => `${at ? `${at.file}:${at.line}: ` : ""}${text}`).join("\n") ??
      error.message,
  );
  process.exitCode = 1;
} finally {
  rmSync(outdir, { recursive: true, force: true });
}
