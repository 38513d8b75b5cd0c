/** What Slack tells about a member of the workspace. */

import { type Hint, type Identifier, Failure, attested, claimed, property } from "jackfield-sdk";

import { ask } from "./api.ts";

/** Names are what the person wrote there; the e-mail address is the one they log in with. Empty for people whom the app cannot see. */
export async function hints(who: Identifier): Promise<Hint[]> {
  if (who.kind !== "slack") return [];
  const user = await member(who.value);
  if (!user || user.is_bot) return [];
  const profile = user.profile ?? {};
  const found: (Hint | undefined)[] = [
    told(profile.display_name || profile.real_name, (name) => claimed({ tag: "name", val: name }, "name on Slack")),
    told(user.name, (name) => claimed({ tag: "username", val: name }, "handle on Slack")),
    told(profile.image_512 ?? profile.image_192, (url) => claimed({ tag: "avatar", val: url }, "picture on Slack")),
    told(user.locale, (tag) => claimed({ tag: "language", val: tag }, "language of Slack")),
    told(profile.title, (title) => claimed({ tag: "other", val: property("title", title) }, "title on Slack")),
    told(user.tz, (zone) => claimed({ tag: "other", val: property("timezone", zone) }, "time zone on Slack")),
    told(profile.email, (email) => {
      const about = { tag: "identifier" as const, val: { kind: "email", value: email } };
      return user.is_email_confirmed === false || user.is_stranger === true
        ? claimed(about, "unconfirmed e-mail address on Slack")
        : attested(about, "e-mail address of the Slack account");
    }),
  ];
  return found.filter((hint) => hint !== undefined);
}

async function member(user: string): Promise<any> {
  try {
    return (await ask("users.info", { user, include_locale: "true" })).user;
  } catch (error) {
    if (error instanceof Failure && (error.payload.tag === "recipient-gone" || error.payload.tag === "rejected"))
      return undefined;
    throw error;
  }
}

const told = (value: unknown, hint: (value: string) => Hint) =>
  typeof value === "string" && value !== "" ? hint(value) : undefined;
