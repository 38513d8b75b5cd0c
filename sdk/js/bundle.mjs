// What building and testing share: how a connector's modules are found and joined into one.

import { fileURLToPath } from "node:url";

import { esbuild } from "./tools.mjs";

/** A file of the SDK. */
export const own = (path) => fileURLToPath(new URL(path, import.meta.url));

/** The functions of each module that the host offers, for the stand-in. */
const OFFERED = {
  channel: ["id", "config"],
  log: ["write"],
  state: ["get", "set", "delete", "listKeys"],
  secrets: ["verify", "equals", "sign"],
};

/** Joins `entryPoints` with everything they import but the host's modules. `more` are further options of esbuild. */
export function bundle(entryPoints, more) {
  return esbuild({
    entryPoints,
    bundle: true,
    format: "esm",
    target: "es2022",
    charset: "utf8",
    logLevel: "silent",
    alias: { "jackfield-sdk": own("src/index.ts"), "jackfield-sdk/testing": own("src/testing.ts") },
    ...more,
  });
}

/** The host's modules stay imports: the component gets them from the host. */
export const fromHost = { external: ["jackfield:*", "wasi:*"] };

/** The host's modules are played by `fetch` and `src/testing.ts`. */
export const fromStandIn = {
  platform: "node",
  plugins: [
    {
      name: "stand-in",
      setup({ onResolve, onLoad }) {
        onResolve({ filter: /^\.\/wire\.ts$/ }, () => ({ path: own("src/wire.native.ts") }));
        onResolve({ filter: /^jackfield:connector\// }, ({ path }) => ({ path, namespace: "stand-in" }));
        onLoad({ filter: /./, namespace: "stand-in" }, ({ path }) => {
          const name = path.replace(/^.*\/|@.*$/g, "");
          const functions = (OFFERED[name] ?? []).map(
            (word) => `const ${word}_ = (...given) => env().${name}.${word}(...given); export { ${word}_ as ${word} };`,
          );
          const contents = `import { env } from "jackfield-sdk/testing";\n${functions.join("\n")}`;
          return { contents, resolveDir: own(".") };
        });
      },
    },
  ],
};
