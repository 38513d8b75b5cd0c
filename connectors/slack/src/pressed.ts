import { type Event, message, need, other, sender } from "jackfield-sdk";

import { withoutToken } from "./envelope.ts";
import { member, messageId, thread, time } from "./ids.ts";

/** Buttons and menus under a message. Everything else that is interactive (shortcuts, forms) is kept as it is. */
export function pressed(payload: any): Event[] {
  const { container, actions } = payload;
  if (payload.type !== "block_actions" || !container?.channel_id || !Array.isArray(actions)) {
    return [other(String(payload.type ?? "interaction"), withoutToken(payload))];
  }
  const team = need(payload.user, "team_id");
  const customer = sender(member(team, need(payload.user, "id")));
  const channel = need(container, "channel_id");
  return actions.map((action: any) =>
    message({
      id: `action:${channel}:${need(action, "action_ts")}:${need(action, "action_id")}`,
      thread: thread(channel, container.thread_ts && String(container.thread_ts)),
      author: { tag: "customer", val: customer },
      sentAt: time(action.action_ts),
      parts: [{ tag: "interaction", val: { title: title(action), payload: chosen(action) } }],
      replyTo: container.message_ts && messageId(channel, String(container.message_ts)),
      extra: [],
    }),
  );
}

const title = (action: any): string =>
  String(action.selected_option?.text?.text ?? action.text?.text ?? action.action_id);

const chosen = (action: any): string | undefined =>
  action.value ?? action.selected_option?.value ?? action.selected_date ?? undefined;
