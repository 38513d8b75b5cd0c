import assert from "node:assert/strict";
import { test } from "node:test";

import { type Action, type Delivery, type Part, http } from "jackfield-sdk";

import { configure, identity, send } from "../src/index.ts";
import { env } from "./support.ts";

const who = { kind: "slack", namespace: "T061EG9R6", value: "U061F7AUR" };
const to = (action: Action, thread?: string): Delivery => ({ to: who, thread, action });
const say = (parts: Part[], replyTo?: string): Action => ({ tag: "message", val: { parts, replyTo } });
const words = (val: string): Part => ({ tag: "text", val });
const sent = { ok: true, channel: "D024BE91L", ts: "1515450000.000100" };

test("a text goes to the chat, escaped, and without a credential", async () => {
  const slack = env().respond(sent);
  const receipt = await slack.run(() => send.deliver(to(say([words("a < b & <!channel>")]), "D024BE91L"), "key"));
  assert.deepEqual(receipt, { messageIds: ["D024BE91L:1515450000.000100"], events: [] });
  const [request] = slack.requests;
  assert.equal(request!.url, "http://127.0.0.1:4000/api/chat.postMessage");
  assert.deepEqual(request!.body, { channel: "D024BE91L", text: "a &lt; b &amp; &lt;!channel&gt;" });
  assert.equal(request!.headers.authorization, undefined);
});

test("an answer goes into the thread, and a first message opens a chat", async () => {
  const slack = env().respond(sent);
  await slack.run(() => send.deliver(to(say([words("x")]), "C1:1.5"), "key"));
  await slack.run(() => send.deliver(to(say([words("x")], "C1:2.5"), "C1"), "key"));
  await slack.run(() => send.deliver(to(say([words("x")], "D1:2.5"), "D1"), "key"));
  assert.deepEqual(
    slack.requests.map(({ body }) => [body.channel, body.thread_ts]),
    [
      ["C1", "1.5"],
      ["C1", "2.5"],
      ["D1", undefined],
    ],
  );
  const fresh = env()
    .respond({ ok: true, channel: { id: "D9" } })
    .respond({ ...sent, channel: "D9" });
  const receipt = await fresh.run(() => send.deliver(to(say([words("x")])), "key"));
  assert.deepEqual(
    fresh.requests.map(({ body }) => body),
    [{ users: "U061F7AUR" }, { channel: "D9", text: "x" }],
  );
  assert.deepEqual(receipt.messageIds, ["D9:1515450000.000100"]);
});

test("pictures are blocks, other files are links, the rest is unsupported", async () => {
  const slack = env().respond(sent);
  const url = "https://cdn.example/a";
  const all: Part[] = [
    { tag: "image", val: { url, caption: "a & b" } },
    { tag: "file", val: { url, filename: "a.pdf" } },
  ];
  await slack.run(() => send.deliver(to(say(all), "D1"), "key"));
  assert.deepEqual(
    slack.requests[0]!.body.blocks.map((block: any) => block.type),
    ["section", "image"],
  );
  assert.equal(slack.requests[1]!.body.text, `<${url}|a.pdf>`);
  const place: Part = { tag: "location", val: { latitude: 1, longitude: 2 } };
  assert.equal((await env().fails(() => send.deliver(to(say([place]), "D1"), "key"))).tag, "unsupported");
  assert.equal(
    (await env().fails(() => send.deliver(to(say([words("🍵".repeat(4001))]), "D1"), "key"))).tag,
    "rejected",
  );
});

test("edits, deletions and reactions are about the message", async () => {
  const slack = env().respond({ ok: true });
  const run = (action: Action) => slack.run(() => send.deliver(to(action, "D1"), "key"));
  await run({ tag: "edit", val: { messageId: "D1:1.5", content: { parts: [words("new")] } } });
  await run({ tag: "delete", val: "D1:1.5" });
  await run({ tag: "reaction", val: { messageId: "D1:1.5", emoji: "❤" } });
  assert.deepEqual(
    slack.requests.map(({ url, body }) => [url.split("/").pop(), body]),
    [
      ["chat.update", { channel: "D1", ts: "1.5", text: "new" }],
      ["chat.delete", { channel: "D1", ts: "1.5" }],
      ["reactions.add", { channel: "D1", timestamp: "1.5", name: "heart" }],
    ],
  );
  const again = { tag: "reaction", val: { messageId: "D1:1.5", emoji: "👍" } } as const;
  await env()
    .respond({ ok: false, error: "already_reacted" })
    .run(() => send.deliver(to(again), "key"));
});

test("taking a reaction back takes the app's own, whichever it is", async () => {
  const reactions = [
    { name: "heart", users: ["U1", "U0BOT00001"], count: 2 },
    { name: "eyes", users: ["U1"], count: 1 },
  ];
  const slack = env()
    .respond({ ok: true, user_id: "U0BOT00001" })
    .respond({ ok: true, message: { reactions } })
    .respond({ ok: true });
  await slack.run(() => send.deliver(to({ tag: "reaction", val: { messageId: "D1:1.5", emoji: undefined } }), "key"));
  assert.equal(slack.requests[1]!.url, "http://127.0.0.1:4000/api/reactions.get?channel=D1&timestamp=1.5&full=true");
  assert.deepEqual(
    slack.requests.slice(2).map(({ body }) => body),
    [{ channel: "D1", timestamp: "1.5", name: "heart" }],
  );
});

test("refusals say what to do about them", async () => {
  const failure = (error: string | undefined, status = 200, headers = {}) =>
    env()
      .respond(error ? { ok: false, error } : "<html>", status, headers)
      .fails(() => send.deliver(to(say([words("x")]), "D1"), "key"));
  assert.deepEqual((await failure("ratelimited", 429, { "retry-after": "7" })).val, [
    7000n,
    { message: "Slack refused chat.postMessage: ratelimited.", code: "ratelimited" },
  ]);
  const table: [string | undefined, number, string][] = [
    [undefined, 429, "rate-limited"],
    ["invalid_auth", 200, "credentials"],
    ["missing_scope", 200, "credentials"],
    ["channel_not_found", 200, "rejected"],
    ["not_in_channel", 200, "rejected"],
    ["msg_too_long", 200, "rejected"],
    ["user_disabled", 200, "recipient-gone"],
    ["internal_error", 200, "retry"],
    ["fatal_error", 200, "uncertain"],
    [undefined, 503, "retry"],
    [undefined, 504, "uncertain"],
    [undefined, 200, "uncertain"],
    [undefined, 403, "credentials"],
  ];
  for (const [error, status, tag] of table) assert.equal((await failure(error, status)).tag, tag, `${error} ${status}`);
});

test("without an answer a sent message is uncertain and a question is asked again", async () => {
  const lost = () => env().respond(new TypeError("NetworkError"));
  assert.equal((await lost().fails(() => send.deliver(to(say([words("x")]), "D1"), "key"))).tag, "uncertain");
  assert.equal((await lost().fails(() => configure.check())).tag, "retry");
});

test("what was never sent is sent again, and what the host forbids is misconfigured", async () => {
  const failure = (kind: "unsent" | "denied") =>
    env()
      .respond(new http.Lost(kind, "the connection was refused"))
      .fails(() => send.deliver(to(say([words("x")]), "D1"), "key"));
  assert.equal((await failure("unsent")).tag, "retry");
  assert.equal((await failure("denied")).tag, "misconfigured");
});

test("what went out before a failure is said and not sent again", async () => {
  const slack = env().respond(sent).respond({ ok: false, error: "ratelimited" }, 429);
  const failure = await slack.fails(() => send.deliver(to(say([words("a"), words("b")]), "D1"), "key"));
  assert.ok(
    failure.tag === "uncertain" &&
      failure.val.message.startsWith("1 of 2 parts were sent (D024BE91L:1515450000.000100)"),
  );
});

test("a profile attests the confirmed e-mail address and claims the rest", async () => {
  const profile = {
    display_name: "Budi",
    real_name: "Budi S.",
    email: "budi@shop.example",
    image_512: "https://avatars.example/b.png",
  };
  const user = { id: "U061F7AUR", name: "budi", is_bot: false, is_email_confirmed: true, locale: "id-ID", profile };
  const slack = env().respond({ ok: true, user });
  const hints = await slack.run(() => identity.hints(who));
  assert.equal(slack.requests[0]!.url, "http://127.0.0.1:4000/api/users.info?user=U061F7AUR&include_locale=true");
  assert.deepEqual(
    hints.map(({ about, trust }) => [about.tag, trust.tag]),
    [
      ["name", "claimed"],
      ["username", "claimed"],
      ["avatar", "claimed"],
      ["language", "claimed"],
      ["identifier", "attested"],
    ],
  );
  const unsure = await env()
    .respond({ ok: true, user: { ...user, is_email_confirmed: false } })
    .run(() => identity.hints(who));
  assert.equal(unsure.at(-1)!.trust.tag, "claimed");
  assert.deepEqual(
    await env()
      .respond({ ok: false, error: "user_not_found" })
      .run(() => identity.hints(who)),
    [],
  );
});

test("the check says which app it is, and refuses another workspace", async () => {
  const me = {
    ok: true,
    url: "https://shop.slack.com/",
    team: "Shop",
    user: "desk",
    team_id: "T061EG9R6",
    user_id: "U0BOT00001",
  };
  assert.deepEqual(
    await env()
      .respond(me)
      .run(() => configure.check()),
    { summary: "Slack app @desk in the workspace Shop (T061EG9R6)" },
  );
  assert.equal(
    (
      await env({ team_id: "T999" })
        .respond(me)
        .fails(() => configure.check())
    ).tag,
    "misconfigured",
  );
  assert.equal(
    (
      await env()
        .respond({ ok: false, error: "token_revoked" })
        .fails(() => configure.check())
    ).tag,
    "credentials",
  );
  assert.ok((await configure.connect("https://desk.example.com/hooks/s")).every((step) => step.todo));
});
