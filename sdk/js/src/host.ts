import * as channelImport from "jackfield:connector/channel@0.1.0";
import * as logImport from "jackfield:connector/log@0.1.0";
import * as secretsImport from "jackfield:connector/secrets@0.1.0";
import * as stateImport from "jackfield:connector/state@0.1.0";
import type { Scheme } from "jackfield:connector/secrets@0.1.0";

import { Failure } from "./failure.ts";

export type { Scheme };

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const bytes = (value: string | Uint8Array) => (typeof value === "string" ? encoder.encode(value) : value);

/** Calls the host, and makes of its refusal a failure of ours. */
function ask<T>(what: string, kind: (said: string) => Failure, call: () => T): T {
  try {
    return call();
  } catch (error) {
    const refusal = (error as { payload?: { tag: string; val: string } }).payload;
    if (!refusal) throw error;
    throw kind(`${what}: ${refusal.val}.`);
  }
}

/** The channel that this call is made for. */
export const channel = {
  /** The operator's name for it. */
  id: () => channelImport.id(),
  /** Its configuration, valid by the manifest's schema. */
  config: <T>() => JSON.parse(channelImport.config()) as T,
};

/** Lines for the operator's log. */
export const log = {
  debug: (message: string) => logImport.write({ tag: "debug" }, message),
  info: (message: string) => logImport.write({ tag: "info" }, message),
  warn: (message: string) => logImport.write({ tag: "warn" }, message),
  error: (message: string) => logImport.write({ tag: "error" }, message),
};

const full = (said: string) => Failure.rejected(said);

/** A small store for each channel. Writes commit with the call's events, and vanish when the call fails. */
export const state = {
  get: (key: string) => ask("The connector's state failed", full, () => stateImport.get(key)),
  getText: (key: string) => {
    const value = state.get(key);
    return value && decoder.decode(value);
  },
  set: (key: string, value: string | Uint8Array) =>
    ask("The connector's state does not fit", full, () => stateImport.set(key, bytes(value))),
  delete: (key: string) => ask("The connector's state failed", full, () => stateImport.delete(key)),
  listKeys: (prefix: string) => ask("The connector's state failed", full, () => stateImport.listKeys(prefix)),
};

const unusable = (said: string) => Failure.misconfigured(said);

/** Secrets are used, not read: the host compares and signs. Names are those of the manifest. */
export const secrets = {
  /** Whether `signature`, raw bytes, is genuine. */
  verify: (
    name: string,
    scheme: Exclude<Scheme["tag"], "other">,
    message: string | Uint8Array,
    signature: Uint8Array,
  ) =>
    ask("The secret cannot be used", unusable, () =>
      secretsImport.verify(name, { tag: scheme }, bytes(message), signature),
    ),
  /** Whether a signature in hexadecimal is genuine. False if it is not hexadecimal. */
  verifyHex: (
    name: string,
    scheme: Exclude<Scheme["tag"], "other">,
    message: string | Uint8Array,
    signature: string,
  ) => {
    if (!/^([0-9a-f]{2})+$/i.test(signature)) return false;
    const raw = Uint8Array.from(signature.match(/../g) ?? [], (pair) => parseInt(pair, 16));
    return secrets.verify(name, scheme, message, raw);
  },
  /** Whether a signature in base64 is genuine. False if it is not base64. */
  verifyBase64: (
    name: string,
    scheme: Exclude<Scheme["tag"], "other">,
    message: string | Uint8Array,
    signature: string,
  ) => {
    let raw: string;
    try {
      raw = atob(signature);
    } catch {
      return false;
    }
    return secrets.verify(
      name,
      scheme,
      message,
      Uint8Array.from(raw, (sign) => sign.charCodeAt(0)),
    );
  },
  /** Whether `candidate` is the secret. */
  equals: (name: string, candidate: string | Uint8Array) =>
    ask("The secret cannot be used", unusable, () => secretsImport.equals(name, bytes(candidate))),
  /** A signature of `message`, raw bytes. */
  sign: (name: string, scheme: Exclude<Scheme["tag"], "other">, message: string | Uint8Array) =>
    ask("The secret cannot be used", unusable, () => secretsImport.sign(name, { tag: scheme }, bytes(message))),
};
