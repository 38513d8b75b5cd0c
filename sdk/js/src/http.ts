/**
 * Requests as `fetch` takes them, with what goes wrong said as failures. Only origins that the manifest names and the operator granted
 * can be reached; the host adds the credentials on the way out, so no request here carries one.
 */

import { Failure } from "./failure.ts";
import { Lost } from "./lost.ts";
import { exchange } from "./wire.ts";

export { Lost };

/** A provider's answer, read whole. */
export interface Answer {
  status: number;
  headers: Headers;
  /** The whole body. */
  text: string;
  /** The body as JSON; undefined if it is none. */
  json: any;
  /** From `Retry-After` in seconds, if it is there. */
  retryAfterMs?: number;
}

/** The origin of a URL, such as `https://files.example.com`: what stands before its path. Empty for what is no URL. */
export const origin = (url: string) => /^https?:\/\/[^/?#\\]+/.exec(url)?.[0] ?? "";

/** Does something that must not be done twice: `retry` where nothing was sent, `uncertain` where it may have been done. */
export const act = (url: string, init: RequestInit) => answer(url, init, Failure.uncertain);

/** Asks something, which can be asked again: a request without an answer is a `retry`. */
export const ask = (url: string, init: RequestInit = {}) => answer(url, init, (said) => Failure.retry(said));

/** A request with a JSON body. */
export const json = (body: unknown, method = "POST"): RequestInit => ({
  method,
  headers: { "content-type": "application/json; charset=utf-8" },
  body: JSON.stringify(body),
});

async function answer(url: string, init: RequestInit, unanswered: (said: string) => Failure): Promise<Answer> {
  const { status, headers, text } = await exchange(url, init).catch((error: unknown) => {
    throw error instanceof Lost ? failure(error, unanswered) : error;
  });
  const seconds = Number(headers.get("retry-after") ?? NaN);
  const retryAfterMs = Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined;
  return { status, headers, text, json: parsed(text), retryAfterMs };
}

function failure({ kind, message }: Lost, unanswered: (said: string) => Failure): Failure {
  switch (kind) {
    case "denied":
      return Failure.misconfigured(`The host refused the request: ${message}.`);
    case "unsent":
      return Failure.retry(`The provider was not reached: ${message}.`);
    case "unanswered":
      return unanswered(`The request went out and no answer came back: ${message}.`);
  }
}

function parsed(text: string): any {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
