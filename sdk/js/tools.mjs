// The pinned tools, from the folder that `npm ci` installed them into: the SDK's own, or the one that `JACKFIELD_NPM` names.

import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const home = process.env.JACKFIELD_NPM ?? fileURLToPath(new URL(".", import.meta.url));

/** Imports a package of `package.json`. */
async function tool(name) {
  const folder = join(home, "node_modules", name);
  let about;
  try {
    about = createRequire(import.meta.url)(join(folder, "package.json"));
  } catch {
    console.error(`${name} is not installed in ${home}: run \`npm ci --ignore-scripts\` there.`);
    process.exit(1);
  }
  const entry = about.main ?? about.exports.import;
  return import(pathToFileURL(join(folder, entry)));
}

export const { build: esbuild } = (await tool("esbuild")).default;
export const componentizer = () => tool("@bytecodealliance/componentize-js");

/** TypeScript's compiler, a program for node. */
export const tsc = join(home, "node_modules/typescript/bin/tsc");
