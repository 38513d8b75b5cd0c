/** Short ways to make the words of the contract. */

import type {
  Batch,
  Event,
  EventBody,
  Header,
  Hint,
  Identifier,
  Message,
  Outcome,
  Part,
  Problem,
  Property,
  Receipt,
  Reply,
  Request,
  Sender,
  Subject,
} from "./contract.ts";
import { Failure } from "./failure.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The first header of this name (lower case), as text; empty if there is none. */
export function header(request: Request, name: string): string {
  const found = request.headers.find((header) => header.name === name);
  return found ? decoder.decode(found.value) : "";
}

/** The body as text; bytes that are no UTF-8 are replaced. */
export const bodyText = (request: Request) => decoder.decode(request.body);

/** Halves of surrogate pairs, which some providers leave where they cut a text. */
const HALVES = /[\uD800-\uDFFF]/gu;

/**
 * A text of JSON as an object. Fails (`rejected`) for what is none. Halves of surrogate pairs become U+FFFD: no UTF-8 has them.
 */
export function object(text: string): any {
  let value: unknown;
  try {
    const mended = (_: string, item: unknown) => (typeof item === "string" ? item.replace(HALVES, "\uFFFD") : item);
    value = JSON.parse(text, /\\ud[89a-f]/i.test(text) ? mended : undefined);
  } catch {
    // Said below.
  }
  if (value !== null && typeof value === "object" && !Array.isArray(value)) return value;
  throw Failure.rejected("The body is not a JSON object.");
}

/** The body as a JSON object. Fails (`rejected`) for what is none, such as garbage with a genuine signature. */
export const bodyJson = (request: Request) => object(bodyText(request));

/** A reply; `body` as JSON where it is an object, else as plain text. */
export function reply(status: number, body?: string | object): Reply {
  if (body === undefined) return { status, headers: [], body: new Uint8Array() };
  const [type, text] =
    typeof body === "string" ? ["text/plain; charset=utf-8", body] : ["application/json", JSON.stringify(body)];
  const headers: Header[] = [{ name: "content-type", value: encoder.encode(type) }];
  return { status, headers, body: encoder.encode(text) };
}

/** What `receive` answers, in the making: 200 and no events yet. */
export function outcome(answer: Reply = reply(200)): Outcome {
  return { reply: answer, events: [], unreadable: [] };
}

/** What `poll` answers, in the making: nothing new yet. The next question begins at `cursor`, or where this one began. */
export function batch(cursor?: string | Uint8Array): Batch {
  return {
    events: [],
    unreadable: [],
    cursor: typeof cursor === "string" ? encoder.encode(cursor) : cursor,
    more: false,
  };
}

/** Reads each item by itself. One that `read` throws an error for is kept with the reason, and its siblings go on. */
export function each(into: Outcome | Batch, items: unknown, read: (item: any) => Event[]) {
  for (const item of Array.isArray(items) ? items : []) {
    try {
      into.events.push(...read(item));
    } catch (error) {
      into.unreadable.push({
        raw: encoder.encode(kept(item)),
        reason: String((error as Error).message ?? error),
      });
    }
  }
}

/** An item as JSON; nothing where it is nested deeper than JSON can be written. */
function kept(item: unknown): string {
  try {
    return JSON.stringify(item);
  } catch {
    return "";
  }
}

/** The text or number at a member, as text; throws an error that names the member if there is none. */
export function need(item: any, name: string): string {
  const value = item?.[name];
  if ((typeof value === "string" && value !== "") || typeof value === "number") return String(value);
  throw new Error(`\`${name}\` is missing or is neither text nor number`);
}

/** As `need`, but undefined if there is none. */
export function text(item: any, name: string): string | undefined {
  try {
    return need(item, name);
  } catch {
    return undefined;
  }
}

/** An event with the channel's id of it. */
export const event = (body: EventBody, id = ""): Event => ({ id, body });

/** A message as an event. */
export const message = (val: Message): Event => event({ tag: "message", val });

/** Any value as a property. */
export const property = (name: string, value: unknown): Property => ({ name, value: JSON.stringify(value ?? null) });

/** Something genuine that has no form of its own. */
export const other = (name: string, value: unknown, id = ""): Event =>
  event({ tag: "other", val: property(name, value) }, id);

/** Content of a kind that has no form of its own. */
export const otherPart = (name: string, value: unknown): Part => ({ tag: "other", val: property(name, value) });

/** A person of whom the address is known. */
export const sender = (identity: Identifier, hints: Hint[] = []): Sender => ({ identity, hints });

/** Something that the provider vouches for. */
export const attested = (about: Subject, evidence: string): Hint => ({ about, trust: { tag: "attested" }, evidence });

/** Something that somebody said. */
export const claimed = (about: Subject, evidence: string): Hint => ({ about, trust: { tag: "claimed" }, evidence });

/** What was sent; empty for an action that makes no message. */
export const receipt = (...messageIds: string[]): Receipt => ({ messageIds, events: [] });

/**
 * Sends `items` in order with one call of `send` each, which gives the channel's id. Once something has been sent, no later failure may
 * make the host send all of it again: it becomes `uncertain` and says what went out.
 */
export async function inOrder<T>(items: T[], send: (item: T, isFirst: boolean) => Promise<string>): Promise<Receipt> {
  if (items.length === 0) throw Failure.rejected("There is nothing to send.");
  const sent: string[] = [];
  for (const item of items) {
    try {
      sent.push(await send(item, sent.length === 0));
    } catch (error) {
      if (sent.length === 0) throw error;
      const { message, code }: Problem =
        error instanceof Failure ? Failure.problem(error.payload) : { message: String(error) };
      const said = `${sent.length} of ${items.length} parts were sent (${sent.join(", ")}); the next one failed: ${message}`;
      throw Failure.uncertain({ message: said, code });
    }
  }
  return receipt(...sent);
}
