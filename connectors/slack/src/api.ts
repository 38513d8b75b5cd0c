/** Calling the Web API, and what its refusals mean. Most of them come with status 200. */

import { Failure, http } from "jackfield-sdk";

import { url } from "./config.ts";

const CREDENTIALS = new Set([
  "invalid_auth",
  "not_authed",
  "account_inactive",
  "token_revoked",
  "token_expired",
  "missing_scope",
  "no_permission",
  "org_login_required",
  "not_allowed_token_type",
  "ekm_access_denied",
  "access_denied",
  "team_access_not_granted",
]);
const RETRY = new Set(["internal_error", "service_unavailable", "request_timeout", "team_added_to_org"]);
const GONE = new Set([
  "user_not_found",
  "users_not_found",
  "user_disabled",
  "user_not_visible",
  "cannot_dm_bot",
  "messages_tab_disabled",
]);

/** What an operator can do about the commonest refusals. */
const ADVICE: Record<string, string> = {
  not_in_channel: "The app is not in that channel: invite it there.",
  channel_not_found: "There is no such channel, or the app cannot see it: invite it there.",
  missing_scope: "The app lacks a permission: add the scope and install it again.",
  is_archived: "The channel is archived.",
  msg_too_long: "The text is too long for Slack.",
};

/** Does something that must not be done twice. */
export const act = async (method: string, body: object) => accept(method, await http.act(url(method), http.json(body)));

/** Does something that can be done again: nobody sees it. */
export async function tell(method: string, body: object) {
  try {
    return accept(method, await http.ask(url(method), http.json(body)));
  } catch (error) {
    if (error instanceof Failure && error.payload.tag === "uncertain") throw Failure.retry(error.payload.val);
    throw error;
  }
}

/** Asks something. The methods that ask take no JSON. */
export async function ask(method: string, query: Record<string, string> = {}) {
  const parameters = new URLSearchParams(query).toString();
  return accept(method, await http.ask(url(method) + (parameters && `?${parameters}`)));
}

function accept(method: string, answer: http.Answer): any {
  if (answer.status === 200 && answer.json?.ok === true) return answer.json;
  const code: string | undefined = typeof answer.json?.error === "string" ? answer.json.error : undefined;
  const problem = { message: sentence(method, answer, code), code: code ?? String(answer.status) };
  if (answer.status === 429 || code === "ratelimited" || code === "rate_limited")
    throw Failure.rateLimited(problem, answer.retryAfterMs);
  // Some aspect of it may have succeeded, in Slack's own words; and a gateway that waited in vain knows no more.
  if (code === "fatal_error" || answer.status === 504) throw Failure.uncertain(problem);
  if (code !== undefined && RETRY.has(code)) throw Failure.retry(problem, answer.retryAfterMs);
  if (answer.status >= 500) throw Failure.retry(problem, answer.retryAfterMs);
  if (code !== undefined && CREDENTIALS.has(code)) throw Failure.credentials(problem);
  if (answer.status === 401 || answer.status === 403) throw Failure.credentials(problem);
  if (code !== undefined && GONE.has(code)) throw Failure.recipientGone(problem);
  // A success without an `ok` is no answer of Slack.
  if (code === undefined && answer.status < 300) throw Failure.uncertain(problem);
  throw Failure.rejected(problem);
}

function sentence(method: string, answer: http.Answer, code?: string): string {
  if (code === undefined) return `Slack answered ${method} with HTTP status ${answer.status}.`;
  const needed = code === "missing_scope" && answer.json?.needed ? ` It needs \`${answer.json.needed}\`.` : "";
  return `Slack refused ${method}: ${code}. ${ADVICE[code] ?? ""}${needed}`.trim();
}
