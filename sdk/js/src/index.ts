/** What an author of a connector uses. A connector is a module that exports `receive`, `identity`, and perhaps `send` and `configure`. */

export type * from "./contract.ts";
export { Failure } from "./failure.ts";
export { channel, log, secrets, state, type Scheme } from "./host.ts";
export * as http from "./http.ts";
export * from "./words.ts";
