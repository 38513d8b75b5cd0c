/** Messages, and what becomes of them. */

import {
  type Author,
  type Event,
  type Part,
  event,
  message as messageEvent,
  need,
  other,
  property,
  sender,
  state,
} from "jackfield-sdk";

import { parts } from "./content.ts";
import { member, messageId, thread, time } from "./ids.ts";

/** What an event of a message comes with. */
export interface Context {
  team: string;
  id: string;
  app?: string;
  bots: string[];
}

/** Subtypes that are somebody's words. The others are news of the channel. */
const WORDS = new Set(["file_share", "thread_broadcast", "me_message", "bot_message"]);

export function read(context: Context, item: any): Event[] {
  const channel = need(item, "channel");
  switch (item.subtype) {
    case "message_changed":
      return changed(context, channel, item);
    case "message_deleted":
      return [deletion(context, messageId(channel, need(item, "deleted_ts")), item)];
    case undefined:
      return [said(context, channel, item)];
    default:
      return [WORDS.has(item.subtype) ? said(context, channel, item) : other(item.subtype, item, context.id)];
  }
}

function said(context: Context, channel: string, item: any): Event {
  const ts = need(item, "ts");
  const author = whose(context, channel, item);
  if (!author) return other("bot_message", item, context.id);
  const threadTs = item.thread_ts && item.thread_ts !== ts ? String(item.thread_ts) : undefined;
  return messageEvent({
    id: messageId(channel, ts),
    thread: thread(channel, threadTs, item.channel_type),
    author,
    sentAt: time(ts),
    parts: parts(item),
    replyTo: threadTs && messageId(channel, threadTs),
    extra: ["subtype", "client_msg_id", "edited"]
      .filter((name) => item[name] !== undefined)
      .map((name) => property(name, item[name])),
  });
}

/**
 * The person who wrote, or the app itself. Its own messages are echoes, written to whoever the chat is with: in a direct message whoever
 * wrote there before, in a thread whoever began it. None for other apps, and for echoes that are to nobody in particular.
 */
function whose(context: Context, channel: string, item: any): Author | undefined {
  const isOwn = context.bots.includes(item.user) || (context.app !== undefined && appOf(item) === context.app);
  if (isOwn) {
    const customer =
      item.parent_user_id && !context.bots.includes(item.parent_user_id) ? item.parent_user_id : partner(channel);
    return customer ? { tag: "account", val: sender(member(context.team, customer)) } : undefined;
  }
  if (item.bot_id || item.subtype === "bot_message" || item.user === "USLACKBOT") return undefined;
  const user = need(item, "user");
  if (item.channel_type === "im" || channel.startsWith("D")) remember(channel, user);
  return { tag: "customer", val: sender(member(context.team, user)) };
}

const appOf = (item: any): unknown => item.app_id ?? item.bot_profile?.app_id;

const partner = (channel: string) => state.getText(`with/${channel}`);

/** A full store costs echoes, not the message. */
function remember(channel: string, user: string) {
  try {
    if (partner(channel) !== user) state.set(`with/${channel}`, user);
  } catch {
    // As said.
  }
}

/** Slack also tells of a change when a link got a preview or a thread an answer: nobody edited anything then. */
function changed(context: Context, channel: string, item: any): Event[] {
  const now = item.message ?? {};
  const id = messageId(channel, need(now, "ts"));
  if (now.subtype === "tombstone") return [deletion(context, id, item)];
  const isEdit = now.edited !== undefined && now.edited?.ts !== item.previous_message?.edited?.ts;
  if (!isEdit) return [other("message_changed", item, context.id)];
  const words: Part[] = parts(now);
  return [
    event(
      { tag: "edit", val: { messageId: id, editedAt: time(now.edited.ts) ?? time(item.ts), parts: words } },
      context.id,
    ),
  ];
}

const deletion = (context: Context, id: string, item: any): Event =>
  event({ tag: "deletion", val: { messageId: id, deletedAt: time(item.event_ts ?? item.ts) } }, context.id);
