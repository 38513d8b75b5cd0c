/** Whether the channel works, and how it is connected. */

import { type Health, type Step, Failure } from "jackfield-sdk";

import { ask } from "./api.ts";
import { config } from "./config.ts";

/** Asks Slack whose token it is. */
export async function check(): Promise<Health> {
  const me = await ask("auth.test");
  const wanted = config().team_id;
  if (wanted && me.team_id !== wanted) {
    throw Failure.misconfigured(`The bot token is of the workspace ${me.team_id}, and \`team_id\` is ${wanted}.`);
  }
  return { summary: `Slack app @${me.user} in the workspace ${me.team} (${me.team_id})` };
}

/** All by hand: an app is set up in Slack's own pages. */
export function steps(publicUrl: string): Step[] {
  return [
    {
      title: "Give the app its permissions",
      todo:
        "In the Slack app, under OAuth & Permissions, add the bot scopes chat:write, im:write, im:history, channels:history, " +
        "groups:history, mpim:history, reactions:read, reactions:write, files:read, files:write, users:read and users:read.email; " +
        "then install the app in the workspace.",
    },
    {
      title: "Register the webhook",
      todo:
        `Under Event Subscriptions, enable events, set the Request URL to ${publicUrl}, and subscribe to the bot events message.im, ` +
        "message.channels, message.groups, message.mpim, reaction_added, reaction_removed, tokens_revoked and app_uninstalled.",
    },
    { title: "Let buttons answer", todo: `Under Interactivity & Shortcuts, set the Request URL to ${publicUrl}.` },
    {
      title: "Let people write to the app",
      todo: "Under App Home, enable the Messages tab, and invite the app to the channels it serves.",
    },
  ];
}
