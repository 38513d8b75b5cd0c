// What the host offers (`wit/imports.wit`), as modules. A function whose WIT result has an error throws an error with `payload`.

declare module "jackfield:connector/channel@0.1.0" {
  export function id(): string;
  export function config(): string;
}

declare module "jackfield:connector/log@0.1.0" {
  export type Level = { tag: "debug" | "info" | "warn" | "error" } | { tag: "other"; val: string };
  export function write(level: Level, message: string): void;
}

declare module "jackfield:connector/state@0.1.0" {
  export function get(key: string): Uint8Array | undefined;
  export function set(key: string, value: Uint8Array): void;
  export { remove as delete };
  function remove(key: string): void;
  export function listKeys(prefix: string): string[];
}

declare module "jackfield:connector/secrets@0.1.0" {
  export type Scheme =
    { tag: "hmac-sha256" | "hmac-sha1" | "ed25519" | "ecdsa-p256-sha256" } | { tag: "other"; val: string };
  export function verify(name: string, scheme: Scheme, message: Uint8Array, signature: Uint8Array): boolean;
  export function equals(name: string, candidate: Uint8Array): boolean;
  export function sign(name: string, scheme: Scheme, message: Uint8Array): Uint8Array;
}

interface SymbolConstructor {
  readonly dispose: unique symbol;
}

declare module "wasi:io/used@0.2.12" {
  export interface Resource {
    [Symbol.dispose](): void;
  }
  export interface Pollable extends Resource {
    block(): void;
  }
  export interface InputStream extends Resource {
    /** Throws `{ tag: "closed" }` at the end. */
    blockingRead(length: bigint): Uint8Array;
  }
  export interface OutputStream extends Resource {
    /** At most 4096 bytes. */
    blockingWriteAndFlush(bytes: Uint8Array): void;
  }
}

declare module "wasi:http/types@0.2.12" {
  import type { InputStream, OutputStream, Pollable, Resource } from "wasi:io/used@0.2.12";
  export type Scheme = { tag: "HTTP" | "HTTPS" };
  export type ErrorCode = { tag: string };
  type Result<T, E> = { tag: "ok"; val: T } | { tag: "err"; val: E };
  export interface Fields extends Resource {}
  export class Fields {
    static fromList(entries: [string, Uint8Array][]): Fields;
    entries(): [string, Uint8Array][];
  }
  export class OutgoingRequest {
    constructor(headers: Fields);
    setMethod(method: { tag: string; val?: string }): void;
    setScheme(scheme: Scheme): void;
    setAuthority(authority: string): void;
    setPathWithQuery(path: string): void;
    body(): OutgoingBody;
  }
  export class OutgoingBody {
    write(): OutputStream;
    static finish(body: OutgoingBody, trailers: Fields | undefined): void;
  }
  export class RequestOptions {
    setConnectTimeout(nanoseconds: bigint): void;
    setFirstByteTimeout(nanoseconds: bigint): void;
    setBetweenBytesTimeout(nanoseconds: bigint): void;
  }
  export interface IncomingBody {
    stream(): InputStream;
  }
  export interface IncomingResponse {
    status(): number;
    headers(): Fields;
    consume(): IncomingBody;
  }
  export interface FutureIncomingResponse {
    subscribe(): Pollable;
    get(): Result<Result<IncomingResponse, ErrorCode>, unknown> | undefined;
  }
}

declare module "wasi:http/outgoing-handler@0.2.12" {
  import type { FutureIncomingResponse, OutgoingRequest, RequestOptions } from "wasi:http/types@0.2.12";
  export function handle(request: OutgoingRequest, options: RequestOptions): FutureIncomingResponse;
}
