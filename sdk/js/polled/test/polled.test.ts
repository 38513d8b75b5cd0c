import assert from "node:assert/strict";
import { test } from "node:test";

import { batch, files, http } from "jackfield-sdk";
import { Env } from "jackfield-sdk/testing";

import { media, poll } from "../src/index.ts";

const encoder = new TextEncoder();
const file = { kind: "image", filename: "a.png", mime: "image/png", size: 3n, sha256: "00", extra: [] };
const answer = (status: number, body = "") => ({
  status,
  headers: [],
  body: encoder.encode(body),
  context: encoder.encode("key-1"),
});

test("a batch has its events, what could not be read, and where to go on", async () => {
  const news = new Env().respond({
    next: "7",
    more: true,
    messages: [{ id: "m1", from: "ada", file: "f1" }, { id: "m2" }],
  });
  const found = await news.run(() => poll.poll());
  assert.deepEqual(
    found.events.map(({ body }) => body.tag === "message" && body.val.id),
    ["m1"],
  );
  assert.match(found.unreadable[0]!.reason, /`from` is missing/);
  assert.deepEqual([found.cursor, found.more, found.waitMs], [encoder.encode("7"), true, undefined]);
  await news.run(() => poll.poll(found.cursor));
  assert.deepEqual(
    news.requests.map(({ url }) => url),
    ["https://news.example/messages", "https://news.example/messages?after=7"],
  );
});

test("nothing new leaves the cursor as it was", () => {
  assert.deepEqual(batch(), { events: [], unreadable: [], cursor: undefined, more: false });
});

test("a file is a request with what is known of it", async () => {
  assert.deepEqual(await media.fetch({ id: "f1", size: 3n }), {
    source: { tag: "download", val: { method: "GET", url: "https://news.example/files/f1", headers: [] } },
    mime: "image/png",
    size: 3n,
    sha256: undefined,
    extra: [],
  });
});

test("an upload is a form, then bytes, then an id", async () => {
  const first = await media.upload(file, "key-1");
  assert.ok(first.tag === "transfer");
  const fields = [
    { name: "name", value: { tag: "text", val: "a.png" } },
    { name: "content", value: { tag: "file" } },
  ];
  assert.deepEqual(first.val.body, { tag: "multipart", val: fields });
  assert.deepEqual(first.val.context, encoder.encode("key-1"));
  const again = await media.resume(file, answer(202));
  assert.ok(again.tag === "transfer" && again.val.body.tag === "file" && again.val.request.method === "PUT");
  assert.deepEqual(await media.resume(file, answer(200, '{"id": "f9"}')), {
    tag: "done",
    val: { id: "f9", filename: "a.png", mime: "image/png", size: 3n, sha256: "00" },
  });
  assert.equal((await new Env().fails(() => media.resume(file, answer(413)))).tag, "rejected");
});

test("a channel that takes no files says so", async () => {
  const only = files.fetches(media.fetch, "Give the part a URL.");
  for (const call of [() => only.upload(file, "key-1"), () => only.resume(file, answer(200))]) {
    const failure = await new Env().fails(call);
    assert.ok(failure.tag === "unsupported" && failure.val.message === "Give the part a URL.");
  }
});

test("the origin of a URL ends where its path begins", () => {
  const ours = "https://files.example:8443";
  for (const rest of ["", "/a?b=https://x.example", "?a", "#a"]) assert.equal(http.origin(ours + rest), ours);
  for (const other of [`${ours}@evil.example/`, `${ours}.evil.example/`]) assert.notEqual(http.origin(other), ours);
  assert.equal(http.origin("files.example"), "");
});
