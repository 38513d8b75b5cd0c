/** One request of Slack: JSON for events, a form for what people press and type. */

import {
  type Event,
  type Outcome,
  type Request,
  each,
  header,
  log,
  need,
  object,
  other,
  outcome,
  reply,
} from "jackfield-sdk";

import { config } from "./config.ts";
import * as message from "./message.ts";
import { pressed } from "./pressed.ts";
import { reaction } from "./reaction.ts";

/** Reads a request that is known to be genuine. Fails (`rejected`) if its body is nothing that Slack sends. */
export function read(request: Request, body: string): Outcome {
  if (header(request, "content-type").startsWith("application/x-www-form-urlencoded"))
    return form(new URLSearchParams(body));
  const envelope = object(body);
  if (envelope.type === "url_verification") return outcome(reply(200, String(envelope.challenge ?? "")));
  const whole = outcome();
  each(whole, [envelope], events);
  return whole;
}

function events(envelope: any): Event[] {
  const { type } = envelope;
  if (type !== "event_callback") {
    if (type === "app_rate_limited") log.warn("Slack holds events back: more than 30,000 in an hour.");
    return [other(String(type ?? "unknown"), withoutToken(envelope))];
  }
  const id = need(envelope, "event_id");
  const team = need(envelope, "team_id");
  const wanted = config().team_id;
  if (wanted && wanted !== team) {
    log.warn(`An event of the workspace ${team} came to the channel of ${wanted}.`);
    return [other("foreign_team", withoutToken(envelope), id)];
  }
  const event = envelope.event ?? {};
  const context = { team, id, app: envelope.api_app_id, bots: bots(envelope) };
  switch (event.type) {
    // Slack sends what mentions the app twice, under two event ids; the message's own id tells that it is one.
    case "message":
    case "app_mention":
      return message.read(context, event);
    case "reaction_added":
    case "reaction_removed":
      return reaction(context, event);
    case "tokens_revoked":
    case "app_uninstalled":
      log.error(`Slack says ${event.type}: install the app in the workspace again.`);
      return [other(event.type, event, id)];
    default:
      return [other(String(event.type ?? "unknown"), event, id)];
  }
}

/** The app's own users. */
function bots(envelope: any): string[] {
  const authorizations: any[] = Array.isArray(envelope.authorizations) ? envelope.authorizations : [];
  return authorizations.filter((one) => one?.is_bot).map((one) => String(one.user_id));
}

/** Pressed buttons, and commands that begin with a slash. The answer's body would be shown to the person, so there is none. */
function form(fields: URLSearchParams): Outcome {
  const whole = outcome();
  const payload = fields.get("payload");
  if (payload !== null) each(whole, [object(payload)], pressed);
  else if (fields.has("command")) each(whole, [Object.fromEntries(fields)], command);
  return whole;
}

function command(fields: any): Event[] {
  return [other("slash_command", withoutToken(fields), `command:${need(fields, "trigger_id")}`)];
}

/** The old verification token and the URL by which anybody could answer are nobody's business. */
export function withoutToken({ token: _, response_url: __, response_urls: ___, ...rest }: any): any {
  return rest;
}
