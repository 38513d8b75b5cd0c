/** Doing what an agent wants done, as methods of the Web API. */

import {
  type Content,
  type Delivery,
  type Media,
  type Part,
  type Receipt,
  Failure,
  inOrder,
  receipt,
} from "jackfield-sdk";

import { act, ask } from "./api.ts";
import { name } from "./emoji.ts";
import { info } from "./files.ts";
import { messageId, split } from "./ids.ts";
import { escaped } from "./text.ts";

/** Characters. Slack cuts off what is longer than 40,000, and asks for no more than this. */
const TEXT_LIMIT = 4000;

export async function deliver({ to, thread, action }: Delivery): Promise<Receipt> {
  if (to.kind !== "slack") throw Failure.rejected(`Slack cannot write to an address of kind \`${to.kind}\`.`);
  switch (action.tag) {
    case "message":
      return message(to.value, thread, action.val);
    case "edit": {
      const [part, ...more] = action.val.content.parts;
      if (part?.tag !== "text" || more.length > 0) throw Failure.unsupported("On Slack only a text can be changed.");
      return done("chat.update", { ...split(action.val.messageId), ...text(part.val) });
    }
    case "delete":
      return done("chat.delete", split(action.val), ["message_not_found"]);
    case "reaction":
      return react(action.val.messageId, action.val.emoji);
    case "template":
      throw Failure.unsupported("Slack has no templates.");
    case "mark-read":
      throw Failure.unsupported("Apps on Slack have no read marks.");
    case "typing":
      throw Failure.unsupported("Apps on Slack cannot show that they are typing.");
    case "call":
      throw Failure.unsupported("This connector makes no calls.");
    case "other":
      throw Failure.unsupported(`Slack has no action \`${action.val.name}\`.`);
  }
}

async function message(user: string, thread: string | undefined, content: Content): Promise<Receipt> {
  const bodies: object[] = [];
  for (const part of content.parts) bodies.push(await body(part));
  const where = await place(user, thread, content.replyTo);
  return inOrder(bodies, async (body) => {
    const sent = await act("chat.postMessage", { ...where, ...body });
    if (!sent.ts) throw Failure.uncertain("Slack accepted the message but gave no time stamp of it.");
    return messageId(String(sent.channel ?? where.channel), String(sent.ts));
  });
}

/** The channel, and the thread in it. On Slack to answer a message is to write in its thread. */
async function place(
  user: string,
  thread?: string,
  replyTo?: string,
): Promise<{ channel: string; thread_ts?: string }> {
  const [channel, threadTs] = thread?.split(":") ?? [];
  if (!channel) {
    const opened = await act("conversations.open", { users: user });
    return { channel: String(opened.channel?.id) };
  }
  if (threadTs) return { channel, thread_ts: threadTs };
  const answered = /^([A-Z0-9]+):([0-9]+\.[0-9]+)$/.exec(replyTo ?? "");
  // A direct chat is one conversation already; a thread in it would hide the answer.
  return answered && answered[1] === channel && !channel.startsWith("D")
    ? { channel, thread_ts: answered[2] }
    : { channel };
}

/** What one part becomes. */
async function body(part: Part): Promise<object> {
  switch (part.tag) {
    case "text":
      return text(part.val);
    case "image":
      return part.val.url ? picture(part.val.url, part.val) : link(await shared(part.val));
    case "audio":
    case "video":
    case "file":
      return link(part.val.url ? part.val : await shared(part.val));
    case "other": {
      if (part.val.name !== "blocks") break;
      const blocks = JSON.parse(part.val.value);
      return { blocks, text: "" };
    }
  }
  throw Failure.unsupported(
    `Slack cannot show content of the kind \`${part.tag === "other" ? part.val.name : part.tag}\`.`,
  );
}

function text(words: string): { text: string } {
  const length = [...words].length;
  if (length > TEXT_LIMIT) throw Failure.rejected(`The text has ${length} characters; Slack takes ${TEXT_LIMIT}.`);
  return { text: escaped(words) };
}

/** Slack fetches the picture itself. */
function picture(url: string, { caption, filename }: Media): object {
  const words = caption ?? "";
  const image = { type: "image", image_url: url, alt_text: (words || filename || "picture").slice(0, 2000) };
  const above = words ? [{ type: "section", text: { type: "plain_text", text: words.slice(0, 3000) } }] : [];
  return { blocks: [...above, image], text: escaped(words || filename || url) };
}

/**
 * A file that Slack has. A message with Slack's link to it shares it with whoever reads the message; the method that shares files makes
 * a message whose time stamp it does not tell, and so its id would not be known.
 */
async function shared(media: Media): Promise<Media> {
  const file = await info(media.id);
  return { ...media, url: file.permalink, filename: media.filename ?? file.name };
}

/** What is kept somewhere else is a link. */
function link({ url, caption, filename }: Media): object {
  if (!url || /[<>|]/.test(url)) throw Failure.rejected("Slack takes a file by its URL, or as one that it has.");
  const name = escaped(filename ?? url).replace(/\|/g, "/");
  return { text: `${caption ? `${escaped(caption)}\n` : ""}<${url}|${name}>` };
}

async function react(id: string, emoji?: string): Promise<Receipt> {
  const { channel, ts } = split(id);
  const about = { channel, timestamp: ts };
  if (emoji !== undefined) {
    const wanted = name(emoji);
    if (!wanted)
      throw Failure.rejected(`Slack has no name for the emoji ${emoji} that this connector knows; write it as :name:.`);
    return done("reactions.add", { ...about, name: wanted }, ["already_reacted"]);
  }
  // Taking one back wants its name, which Slack knows.
  for (const name of await ours(about))
    await done("reactions.remove", { ...about, name }, ["no_reaction", "message_not_found"]);
  return receipt();
}

/** The names of the app's own reactions on a message. */
async function ours(about: { channel: string; timestamp: string }): Promise<string[]> {
  const me = await ask("auth.test");
  const { message } = await ask("reactions.get", { ...about, full: "true" });
  const reactions: any[] = Array.isArray(message?.reactions) ? message.reactions : [];
  return reactions
    .filter(({ users }) => Array.isArray(users) && users.includes(me.user_id))
    .map((reaction) => String(reaction.name));
}

/** Does something that makes no message. `fine` are refusals that say it is as it should be. */
async function done(method: string, body: object, fine: string[] = []): Promise<Receipt> {
  try {
    await act(method, body);
  } catch (error) {
    const code = error instanceof Failure ? Failure.problem(error.payload).code : undefined;
    if (code === undefined || !fine.includes(code)) throw error;
  }
  return receipt();
}
