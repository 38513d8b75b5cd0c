/** One exchange over `wasi:http`, which says what `fetch` keeps to itself: whether anything was sent before it failed. */

import { handle } from "wasi:http/outgoing-handler@0.2.12";
import {
  type ErrorCode,
  type IncomingResponse,
  type Scheme,
  Fields,
  OutgoingBody,
  OutgoingRequest,
  RequestOptions,
} from "wasi:http/types@0.2.12";

import { type Reply, Lost } from "./lost.ts";

/** Nanoseconds. */
const TIMEOUT = 15_000_000_000n;
/** What `wasi:io` takes in one write. */
const CHUNK = 4096;
/** Bytes of an answer. */
const CAP = 1 << 20;

const METHODS = new Set(["get", "head", "post", "put", "delete", "patch", "options"]);

/** As the bindings name it: resources are given back by it, children before their parents. */
const dispose: typeof Symbol.dispose = Symbol.dispose ?? Symbol.for("dispose");
const encoder = new TextEncoder();

/** Sends a request and waits for the whole answer. Throws `Lost`. */
export async function exchange(url: string, init: RequestInit): Promise<Reply> {
  const request = understood(url, init);
  const content = init.body == null ? new Uint8Array() : new Uint8Array(await request.arrayBuffer());
  const outgoing = written(request);
  const body = outgoing.body();
  const pending = asked(() => handle(outgoing, options()));
  // A body that cannot be written is no verdict: the answer, or the reason that there is none, is.
  try {
    write(body, content);
  } catch (error) {
    payload(error);
  }
  const ready = pending.subscribe();
  ready.block();
  ready[dispose]();
  const answer = pending.get();
  if (answer?.tag !== "ok") throw new Lost("unanswered", "the host lost the answer");
  if (answer.val.tag === "err") throw lost(answer.val.val);
  return read(answer.val.val);
}

/** `Request` knows every sort of body and the content type that goes with it, and spells URLs out. */
function understood(url: string, init: RequestInit): Request {
  try {
    return new Request(url, init);
  } catch (error) {
    throw new Lost("denied", (error as Error).message);
  }
}

function written(request: Request): OutgoingRequest {
  const { scheme, authority, path } = split(request.url);
  try {
    const headers = [...request.headers].map(([name, value]): [string, Uint8Array] => [name, encoder.encode(value)]);
    const outgoing = new OutgoingRequest(Fields.fromList(headers));
    const word = request.method.toLowerCase();
    outgoing.setMethod(METHODS.has(word) ? { tag: word } : { tag: "other", val: request.method });
    outgoing.setScheme(scheme);
    outgoing.setAuthority(authority);
    outgoing.setPathWithQuery(path);
    return outgoing;
  } catch (error) {
    payload(error);
    throw new Lost("denied", "a header or the URL is not acceptable");
  }
}

/** Scheme, authority, and path with query. */
function split(url: string): { scheme: Scheme; authority: string; path: string } {
  const [, word, authority, path] = /^(https?):\/\/([^/?#]+)([^#]*)/.exec(url) ?? [];
  if (!word || !authority) throw new Lost("denied", `\`${url}\` is no URL`);
  const scheme: Scheme = { tag: word === "https" ? "HTTPS" : "HTTP" };
  return { scheme, authority, path: path?.startsWith("/") ? path : `/${path ?? ""}` };
}

function options(): RequestOptions {
  const options = new RequestOptions();
  options.setConnectTimeout(TIMEOUT);
  options.setFirstByteTimeout(TIMEOUT);
  options.setBetweenBytesTimeout(TIMEOUT);
  return options;
}

function write(body: OutgoingBody, content: Uint8Array) {
  if (content.length > 0) {
    const stream = body.write();
    try {
      for (let at = 0; at < content.length; at += CHUNK)
        stream.blockingWriteAndFlush(content.subarray(at, at + CHUNK));
    } finally {
      stream[dispose]();
    }
  }
  OutgoingBody.finish(body, undefined);
}

function read(response: IncomingResponse): Reply {
  const status = response.status();
  const decoder = new TextDecoder();
  const fields = response.headers();
  const headers = new Headers(fields.entries().map(([name, value]): [string, string] => [name, decoder.decode(value)]));
  fields[dispose]();
  const body = response.consume();
  const stream = body.stream();
  let text = "";
  for (let size = 0; size <= CAP; ) {
    try {
      const bytes = stream.blockingRead(65_536n);
      size += bytes.length;
      text += decoder.decode(bytes, { stream: true });
    } catch (error) {
      if (payload(error).tag === "closed") return { status, headers, text: text + decoder.decode() };
      throw new Lost("unanswered", "the answer broke off");
    }
  }
  throw new Lost("unanswered", "the answer is too large");
}

/** What the host refused with. Any other error is thrown on. */
function payload(error: unknown): any {
  if (error !== null && typeof error === "object" && "payload" in error) return error.payload ?? {};
  throw error;
}

function asked<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw lost(payload(error));
  }
}

const DENIED: Record<string, string> = {
  "HTTP-request-denied": "this origin, method or path is not granted",
  "destination-IP-prohibited": "the address is prohibited",
  "HTTP-request-method-invalid": "the method is not acceptable",
  "HTTP-request-URI-invalid": "the URL is not acceptable",
  "HTTP-request-URI-too-long": "the URL is too long",
  "HTTP-request-header-section-size": "the headers are too large",
  "HTTP-request-header-size": "a header is too large",
  "HTTP-request-body-size": "the body is too large",
  "configuration-error": "the host's configuration",
};
const UNSENT: Record<string, string> = {
  "DNS-timeout": "its name could not be resolved",
  "DNS-error": "its name could not be resolved",
  "destination-not-found": "there is no way to its address",
  "destination-unavailable": "there is no way to its address",
  "destination-IP-unroutable": "there is no way to its address",
  "connection-refused": "the connection was refused",
  "connection-timeout": "no connection came about in time",
  "connection-limit-reached": "too many connections are open",
  "TLS-protocol-error": "no secure connection came about",
  "TLS-certificate-error": "no secure connection came about",
  "TLS-alert-received": "no secure connection came about",
};
const UNANSWERED: Record<string, string> = {
  "HTTP-response-timeout": "time ran out",
  "connection-read-timeout": "time ran out",
  "connection-terminated": "the connection broke",
};

function lost({ tag }: ErrorCode): Lost {
  if (DENIED[tag]) return new Lost("denied", DENIED[tag]);
  if (UNSENT[tag]) return new Lost("unsent", UNSENT[tag]);
  // Whatever is not known to have happened before the first byte may have happened after the last.
  return new Lost("unanswered", UNANSWERED[tag] ?? "the exchange failed");
}
