import assert from "node:assert/strict";
import { test } from "node:test";

import { configure, receive } from "../src/index.ts";
import { enveloped, env, fixtures, signed } from "./support.ts";

const customer = { identity: { kind: "slack", namespace: "T061EG9R6", value: "U061F7AUR" }, hints: [] };

async function only(event: object, channel = env()) {
  const outcome = await channel.run(() => receive.handle(signed(enveloped(event))));
  assert.equal(outcome.reply.status, 200);
  assert.deepEqual(outcome.unreadable, []);
  assert.equal(outcome.events.length, 1);
  return outcome.events[0]!;
}

test("the challenge is answered only when it is signed", async () => {
  const outcome = await env().run(() => receive.handle(signed(fixtures.challenge)));
  assert.equal(new TextDecoder().decode(outcome.reply.body), fixtures.challenge.challenge);
  const forged = { ...signed(fixtures.challenge), body: new TextEncoder().encode("{}") };
  assert.equal((await env().fails(() => receive.handle(forged))).tag, "unauthenticated");
});

test("a request older than five minutes is refused, and so is one without a signature", async () => {
  assert.equal((await env().fails(() => receive.handle(signed(fixtures.direct, { age: 301 })))).tag, "unauthenticated");
  assert.equal(
    (await env().fails(() => receive.handle(signed(fixtures.direct, { age: -301 })))).tag,
    "unauthenticated",
  );
  assert.equal(
    (await env().fails(() => receive.handle({ ...signed(fixtures.direct), headers: [] }))).tag,
    "unauthenticated",
  );
  assert.equal((await env().run(() => receive.handle(signed(fixtures.direct, { age: 299 })))).events.length, 1);
});

test("a direct message is its author's, in a direct thread, as a person reads it", async () => {
  const outcome = await env().run(() => receive.handle(signed(fixtures.direct)));
  const [event] = outcome.events;
  assert.deepEqual(event?.body.tag === "message" && event.body.val, {
    id: "D024BE91L:1515449522.000016",
    thread: { id: "D024BE91L", kind: { tag: "direct" } },
    author: { tag: "customer", val: customer },
    sentAt: 1_515_449_522_000n,
    parts: [{ tag: "text", val: "Is the green tea (https://shop.example/tea) back? <3 @U0BOT00001" }],
    replyTo: undefined,
    extra: [{ name: "client_msg_id", value: '"28b8c1d0-9f0b-4c1f-8a53-7d1d1f2f9a11"' }],
  });
});

test("a mention comes twice and is one message, in its thread", async () => {
  const [first, second] = [await only(fixtures.thread), await only(fixtures.mention)];
  assert.ok(first.body.tag === "message" && second.body.tag === "message");
  assert.equal(first.body.val.id, second.body.val.id);
  assert.deepEqual(first.body.val.thread, second.body.val.thread);
  assert.deepEqual(first.body.val.thread, { id: "C024BE91L:1515449500.000001", kind: { tag: "group" } });
  assert.equal(first.body.val.replyTo, "C024BE91L:1515449500.000001");
});

test("files come by id and never by the URL that wants the token", async () => {
  const event = await only(fixtures.files);
  assert.ok(event.body.tag === "message");
  assert.deepEqual(event.body.val.parts, [
    { tag: "image", val: { id: "F0S43PZDF", mime: "image/jpeg", filename: "broken.jpg", size: 144_538n } },
    { tag: "file", val: { id: "F0S43PZDG", mime: "application/pdf", filename: "receipt.pdf", size: 9_120n } },
    { tag: "file", val: { id: "F0S43PZDH", mime: undefined, filename: undefined } },
  ]);
});

test("the app's own message is an echo to whoever the chat is with, another app's is nobody's", async () => {
  const channel = env();
  assert.equal((await only(fixtures.echo, channel)).body.tag, "other");
  await channel.run(() => receive.handle(signed(fixtures.direct)));
  const echo = await only(fixtures.echo, channel);
  assert.deepEqual(echo.body.tag === "message" && echo.body.val.author, { tag: "account", val: customer });
  assert.equal((await only(fixtures.stranger_bot)).body.tag, "other");
  assert.equal((await only({ ...fixtures.thread, user: "USLACKBOT" })).body.tag, "other");
});

test("an edit is one, a preview of a link is none", async () => {
  const edit = await only(fixtures.edited);
  assert.deepEqual(edit, {
    id: "Ev2",
    body: {
      tag: "edit",
      val: {
        messageId: "D024BE91L:1515449522.000016",
        editedAt: 1_515_449_900_000n,
        parts: [{ tag: "text", val: "Is the white tea back?" }],
      },
    },
  });
  assert.equal((await only(fixtures.unfurled)).body.tag, "other");
});

test("deletions and reactions are about the message", async () => {
  const deletion = await only(fixtures.deleted);
  assert.deepEqual(deletion.body, {
    tag: "deletion",
    val: { messageId: "D024BE91L:1515449522.000016", deletedAt: 1_515_449_950_000n },
  });
  const reaction = await only(fixtures.reaction);
  assert.deepEqual(reaction.body.tag === "reaction" && [reaction.body.val.messageId, reaction.body.val.emoji], [
    "D024BE91L:1515449800.000300",
    "👍",
  ]);
  const removed = await only({ ...fixtures.reaction, type: "reaction_removed" });
  assert.equal(removed.body.tag === "reaction" && removed.body.val.emoji, undefined);
  assert.equal((await only({ ...fixtures.reaction, user: "U0BOT00001" })).body.tag, "other");
});

test("a pressed button is an interaction, and what it came with for answering is not kept", async () => {
  const body = new URLSearchParams({ payload: JSON.stringify(fixtures.pressed) }).toString();
  const outcome = await env().run(() => receive.handle(signed(body, { type: "application/x-www-form-urlencoded" })));
  const [event] = outcome.events;
  assert.ok(event?.body.tag === "message");
  assert.deepEqual(event.body.val.parts, [{ tag: "interaction", val: { title: "Yes, please", payload: "order-7" } }]);
  assert.equal(event.body.val.replyTo, "D024BE91L:1515449800.000300");
  const command =
    "token=t&command=%2Fhelp&text=tea&trigger_id=1.2&response_url=https%3A%2F%2Fhooks.slack.com%2Fx&user_id=U061F7AUR";
  const typed = await env().run(() => receive.handle(signed(command, { type: "application/x-www-form-urlencoded" })));
  assert.deepEqual(typed.events, [
    {
      id: "command:1.2",
      body: {
        tag: "other",
        val: {
          name: "slash_command",
          value: '{"command":"/help","text":"tea","trigger_id":"1.2","user_id":"U061F7AUR"}',
        },
      },
    },
  ]);
});

test("news of the channel, unknown events and other workspaces are kept as they are", async () => {
  assert.equal((await only(fixtures.joined)).body.tag, "other");
  assert.equal((await only({ type: "star_added", user: "U1" })).body.tag, "other");
  assert.equal((await only(fixtures.thread, env({ team_id: "T999" }))).body.tag, "other");
});

test("an event that makes no sense is kept with the reason", async () => {
  const outcome = await env().run(() => receive.handle(signed(enveloped({ type: "message", channel: "C1" }))));
  assert.equal(outcome.events.length, 0);
  assert.match(outcome.unreadable[0]!.reason, /`ts` is missing/);
  for (const body of ["no json", "", "[]", "null", "7"])
    assert.equal((await env().fails(() => receive.handle(signed(body)))).tag, "rejected", body);
});

test("half a surrogate pair becomes a character that UTF-8 has", async () => {
  const text = JSON.stringify(enveloped({ ...fixtures.thread, text: "Half" }));
  const body = text.replace("Half", "Half \\ud83d of \\ud83d\\udc4b");
  const outcome = await env().run(() => receive.handle(signed(body)));
  const [only] = outcome.events;
  assert.ok(only?.body.tag === "message");
  assert.deepEqual(only.body.val.parts, [{ tag: "text", val: "Half \uFFFD of 👋" }]);
});

test("an item that is nested too deeply to be kept costs no collapse", async () => {
  const body = `{"type": "deep", "x": ${"[".repeat(20_000)}${"]".repeat(20_000)}}`;
  const outcome = await env().run(() => receive.handle(signed(body)));
  assert.equal(outcome.events.length + outcome.unreadable.length, 1);
});

test("no configuration makes its check collapse", async () => {
  for (const config of ["null", "[]", '"text"', "{}"]) assert.deepEqual(await configure.validate(config), []);
});

test("a base without a scheme is no configuration", async () => {
  assert.equal((await configure.validate('{"api_base": "slack.com"}')).length, 1);
  assert.equal((await configure.validate("{}")).length, 0);
});
