/** Ids of Slack. A message is known by its channel and its time stamp, which is a text and never a number. */

import { type Identifier, type Thread, type Timestamp, Failure } from "jackfield-sdk";

/** The id of a message in the whole workspace. */
export const messageId = (channel: string, ts: string) => `${channel}:${ts}`;

/** Channel and time stamp of a message's id. Fails (`rejected`) for ids that name no message, such as those of pressed buttons. */
export function split(id: string): { channel: string; ts: string } {
  const found = /^([A-Z0-9]+):([0-9]+\.[0-9]+)$/.exec(id);
  if (!found) throw Failure.rejected(`\`${id}\` is no message of Slack.`);
  return { channel: found[1]!, ts: found[2]! };
}

/** A channel, or a thread in it. */
export function thread(channel: string, threadTs?: string, channelType?: string): Thread {
  const isDirect = channelType ? channelType === "im" : channel.startsWith("D");
  return { id: threadTs ? messageId(channel, threadTs) : channel, kind: { tag: isDirect ? "direct" : "group" } };
}

/** A member of a workspace, as the workspace knows them. */
export const member = (team: string, user: string): Identifier => ({ kind: "slack", namespace: team, value: user });

/** `1712345678.000200` is a second and a count; only the first milliseconds of it are time. */
export function time(ts: unknown): Timestamp | undefined {
  const found = /^([0-9]{1,12})(?:\.([0-9]{1,3}))?/.exec(String(ts ?? ""));
  return found ? BigInt(found[1]!) * 1000n + BigInt((found[2] ?? "").padEnd(3, "0")) : undefined;
}
