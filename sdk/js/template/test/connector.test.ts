import assert from "node:assert/strict";
import { test } from "node:test";
import { Env, hmac, webhook } from "jackfield-sdk/testing";

import fixture from "../fixtures/message.json";
import { receive, send } from "../src/index.ts";

const env = () => new Env({ config: { api_base: "http://127.0.0.1:4000" }, secrets: { "webhook-secret": "s3cret" } });
const signed = (body: string) => webhook(body, { "x-signature": hmac("sha256", "s3cret", body) });

test("a message arrives, and one that cannot be read does not take it along", async () => {
  const outcome = await env().run(() => receive.handle(signed(JSON.stringify(fixture))));
  assert.deepEqual(
    outcome.events.map((event) => event.body.tag),
    ["message", "other"],
  );
  assert.deepEqual(
    outcome.unreadable.map((item) => item.reason),
    ["`from` is missing or is neither text nor number"],
  );
});

test("what is not signed is refused", async () => {
  const failure = await env().fails(() => receive.handle(webhook(JSON.stringify(fixture))));
  assert.equal(failure.tag, "unauthenticated");
});

test("a text is sent without a credential, which the host adds", async () => {
  const provider = env().respond({ id: "m-9" });
  const action = { tag: "message" as const, val: { parts: [{ tag: "text" as const, val: "Yes" }] } };
  const receipt = await provider.run(() => send.deliver({ to: { kind: "example", value: "budi" }, action }, "key"));
  assert.deepEqual(receipt.messageIds, ["m-9"]);
  assert.deepEqual(provider.requests, [
    {
      method: "POST",
      url: "http://127.0.0.1:4000/messages",
      headers: { "content-type": "application/json; charset=utf-8" },
      body: { to: "budi", text: "Yes" },
    },
  ]);
});
