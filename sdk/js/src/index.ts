/**
 * What an author of a connector uses. A connector is a module that exports `receive`, `identity`, and perhaps `send`, `configure`,
 * `poll` and `media`.
 */

export type * from "./contract.ts";
export * as files from "./files.ts";
export { Failure } from "./failure.ts";
export { channel, log, secrets, state, type Scheme } from "./host.ts";
export * as http from "./http.ts";
export * from "./words.ts";
