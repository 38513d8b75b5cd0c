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
