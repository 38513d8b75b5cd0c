/** `fetch`, with its errors said as failures. The host adds the credentials on the way out, so no request here carries one. */

import { Failure } from "./failure.ts";

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

/**
 * Does something that must not be done twice. `fetch` does not tell a connection that never came about from an answer that never
 * came, so every request without an answer is `uncertain`.
 */
export const act = (url: string, init: RequestInit) => exchange(url, init, Failure.uncertain);

/** Asks something, which can be asked again: a request without an answer is a `retry`. */
export const ask = (url: string, init: RequestInit = {}) => exchange(url, init, (said) => Failure.retry(said));

/** A request with a JSON body. */
export const json = (body: unknown, method = "POST"): RequestInit => ({
  method,
  headers: { "content-type": "application/json; charset=utf-8" },
  body: JSON.stringify(body),
});

async function exchange(url: string, init: RequestInit, lost: (said: string) => Failure): Promise<Answer> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, init);
    text = await response.text();
  } catch (error) {
    throw lost(`No answer came from the provider: ${(error as Error).message ?? error}.`);
  }
  const seconds = Number(response.headers.get("retry-after") ?? NaN);
  const retryAfterMs = Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined;
  return { status: response.status, headers: response.headers, text, json: parsed(text), retryAfterMs };
}

function parsed(text: string): any {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
