import { type Event, event, need, other, sender } from "jackfield-sdk";

import { sign } from "./emoji.ts";
import { member, messageId, time } from "./ids.ts";
import type { Context } from "./message.ts";

/** Somebody put a reaction on something, or took it back. Files can be reacted to as well; that has no form. */
export function reaction({ team, id, bots }: Context, item: any): Event[] {
  // The app's own reactions are no customer's.
  if (item.item?.type !== "message" || bots.includes(item.user)) return [other(item.type, item, id)];
  const emoji = item.type === "reaction_added" ? sign(need(item, "reaction")) : undefined;
  const val = {
    messageId: messageId(need(item.item, "channel"), need(item.item, "ts")),
    sender: sender(member(team, need(item, "user"))),
    emoji,
    at: time(item.event_ts),
  };
  return [event({ tag: "reaction", val }, id)];
}
