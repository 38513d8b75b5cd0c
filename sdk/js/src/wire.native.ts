/** `wire.ts` for tests that run natively: over `fetch`, which the stand-in of the host answers. */

import { type Reply, Lost } from "./lost.ts";

/** Sends a request and waits for the whole answer. What is thrown that is no `Lost` is a connection that breaks. */
export async function exchange(url: string, init: RequestInit): Promise<Reply> {
  try {
    const response = await fetch(url, init);
    return { status: response.status, headers: response.headers, text: await response.text() };
  } catch (error) {
    throw error instanceof Lost ? error : new Lost("unanswered", String((error as Error).message ?? error));
  }
}
