/** A small stand-in of the host, for tests that run natively: secrets, state, log, configuration, and a provider that answers `fetch`. */

import { createHmac, timingSafeEqual } from "node:crypto";

import type { Failure } from "./failure.ts";
import type { Request } from "./contract.ts";

/** A request that the connector made. */
export interface Made {
  method: string;
  url: string;
  headers: Record<string, string>;
  body: any;
}

const encoder = new TextEncoder();
const refusal = (tag: string, val: string) => Object.assign(new Error(val), { payload: { tag, val } });

let current: Env | undefined;

/** The host that the running call is in. */
export function env(): Env {
  if (!current) throw new Error("The host is only there inside of `run`.");
  return current;
}

/** One channel of a host. */
export class Env {
  /** What the connector asked of the provider. */
  readonly requests: Made[] = [];
  /** What it logged. */
  readonly lines: string[] = [];
  /** What it keeps. Writes of a call that fails vanish. */
  stored = new Map<string, Uint8Array>();
  private answers: (() => Response)[] = [];

  constructor(private readonly given: { config?: object; secrets?: Record<string, string>; id?: string } = {}) {}

  /** The provider's next answer; the last one is repeated. An Error is a connection that breaks. */
  respond(body: unknown, status = 200, headers: Record<string, string> = {}): this {
    this.answers.push(() => {
      if (body instanceof Error) throw body;
      return new Response(typeof body === "string" ? body : JSON.stringify(body), { status, headers });
    });
    return this;
  }

  /** Runs one call. */
  async run<T>(call: () => T | Promise<T>): Promise<T> {
    const [before, fetch] = [new Map(this.stored), globalThis.fetch];
    current = this;
    globalThis.fetch = ((url, init) => this.answer(String(url), init)) as typeof globalThis.fetch;
    try {
      return await call();
    } catch (error) {
      this.stored = before;
      throw error;
    } finally {
      globalThis.fetch = fetch;
      current = undefined;
    }
  }

  /** Runs one call that has to fail; its failure. */
  async fails(call: () => unknown): Promise<Failure["payload"]> {
    try {
      await this.run(call);
    } catch (error) {
      const { payload } = error as Failure;
      if (payload) return payload;
      throw error;
    }
    throw new Error("It did not fail.");
  }

  private async answer(url: string, init: RequestInit = {}): Promise<Response> {
    const headers = Object.fromEntries(new Headers(init.headers).entries());
    const isJson = headers["content-type"]?.startsWith("application/json");
    const body = isJson ? JSON.parse(String(init.body)) : init.body;
    this.requests.push({ method: init.method ?? "GET", url, headers, body });
    const answer = this.answers.length > 1 ? this.answers.shift() : this.answers[0];
    if (!answer) throw new Error(`The test has no answer for ${url}.`);
    return answer();
  }

  readonly channel = { id: () => this.given.id ?? "test", config: () => JSON.stringify(this.given.config ?? {}) };

  readonly log = {
    write: (level: { tag: string }, message: string) => void this.lines.push(`${level.tag}: ${message}`),
  };

  readonly state = {
    get: (key: string) => this.stored.get(key),
    set: (key: string, value: Uint8Array) => void this.stored.set(key, value),
    delete: (key: string) => void this.stored.delete(key),
    listKeys: (prefix: string) => [...this.stored.keys()].filter((key) => key.startsWith(prefix)).sort(),
  };

  readonly secrets = {
    verify: (name: string, scheme: { tag: string }, message: Uint8Array, signature: Uint8Array) => {
      const genuine = this.secrets.sign(name, scheme, message);
      return genuine.length === signature.length && timingSafeEqual(genuine, signature);
    },
    equals: (name: string, candidate: Uint8Array) => Buffer.from(this.secret(name)).equals(candidate),
    sign: (name: string, scheme: { tag: string }, message: Uint8Array): Uint8Array => {
      const hash = { "hmac-sha256": "sha256", "hmac-sha1": "sha1" }[scheme.tag];
      if (!hash) throw refusal("unsupported", `the stand-in has no ${scheme.tag}`);
      return createHmac(hash, this.secret(name)).update(message).digest();
    },
  };

  private secret(name: string): string {
    const secret = this.given.secrets?.[name];
    if (secret === undefined) throw refusal("missing", `\`${name}\` is not set`);
    return secret;
  }
}

/** A webhook request, received now unless said otherwise. Names of headers in lower case. */
export function webhook(
  body: string | object,
  headers: Record<string, string> = {},
  more: Partial<Request> = {},
): Request {
  return {
    method: "POST",
    url: "https://desk.example.com/hooks/test",
    headers: Object.entries(headers).map(([name, value]) => ({ name, value: encoder.encode(value) })),
    body: encoder.encode(typeof body === "string" ? body : JSON.stringify(body)),
    receivedAt: BigInt(Date.now()),
    ...more,
  };
}

/** A signature as providers make it. */
export const hmac = (hash: "sha256" | "sha1", secret: string, message: string, encoding: "hex" | "base64" = "hex") =>
  createHmac(hash, secret).update(message).digest(encoding);
