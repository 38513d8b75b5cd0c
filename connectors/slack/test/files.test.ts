import assert from "node:assert/strict";
import { test } from "node:test";

import { type Part } from "jackfield-sdk";

import { configure, media, send } from "../src/index.ts";
import { env } from "./support.ts";

const kept = {
  id: "F0S43PZDF",
  name: "broken.jpg",
  mimetype: "image/jpeg",
  size: 144_538,
  url_private: "https://files.slack.com/files-pri/T061EG9R6-F0S43PZDF/broken.jpg",
  url_private_download: "https://files.slack.com/files-pri/T061EG9R6-F0S43PZDF/download/broken.jpg",
  permalink: "https://shop.slack.com/files/U0BOT00001/F0S43PZDF/broken.jpg",
};
const outgoing = {
  kind: "file",
  filename: "receipt.pdf",
  mime: "application/pdf",
  size: 9_120n,
  sha256: "00",
  extra: [],
};

const fetched = (file: unknown, id = "F0S43PZDF") => {
  const slack = env().respond({ ok: true, file });
  return { slack, file: slack.run(() => media.fetch({ id })) };
};
const refused = (file: unknown) =>
  env()
    .respond({ ok: true, file })
    .fails(() => media.fetch({ id: "F0S43PZDF" }));

test("a file is where Slack says, with its name, type and size", async () => {
  const { slack, file } = fetched(kept);
  assert.deepEqual(await file, {
    source: { tag: "download", val: { method: "GET", url: kept.url_private_download, headers: [] } },
    mime: "image/jpeg",
    filename: "broken.jpg",
    size: 144_538n,
    extra: [],
  });
  assert.equal(slack.requests[0]!.url, "http://127.0.0.1:4000/api/files.info?file=F0S43PZDF");
});

test("a file that is gone, hidden or kept elsewhere is rejected", async () => {
  for (const file of [{ id: "F1", mode: "tombstone" }, undefined, { ...kept, is_external: true }])
    assert.equal((await refused(file)).tag, "rejected");
  const gone = env().respond({ ok: false, error: "file_not_found" });
  assert.equal((await gone.fails(() => media.fetch({ id: "F1" }))).tag, "rejected");
  const lost = env().respond(new TypeError("NetworkError"));
  assert.equal((await lost.fails(() => media.fetch({ id: "F1" }))).tag, "retry");
});

test("a file on another host is refused with the remedy", async () => {
  for (const url of ["https://evil.example/x", "https://files.slack.com@evil.example/x", "//files.slack.com/x"]) {
    const failure = await refused({ ...kept, url_private_download: url });
    assert.ok(failure.tag === "misconfigured" && failure.val.message.includes("`media_base`"), url);
  }
});

test("what is no id of a file is not asked for", async () => {
  const slack = env();
  for (const id of [undefined, "", "F1&team=2"])
    assert.equal((await slack.fails(() => media.fetch({ id }))).tag, "rejected");
  assert.equal(slack.requests.length, 0);
});

test("an upload goes to the address that Slack gives, and is private until a message shows it", async () => {
  const url = "https://files.slack.com/upload/v1/CwABAAAAXAoAAVnX";
  const slack = env().respond({ ok: true, upload_url: url, file_id: "F123ABC456" });
  const progress = await slack.run(() => media.upload(outgoing, "key"));
  assert.equal(
    slack.requests[0]!.url,
    "http://127.0.0.1:4000/api/files.getUploadURLExternal?filename=receipt.pdf&length=9120",
  );
  assert.ok(progress.tag === "transfer");
  assert.deepEqual(progress.val.request, { method: "POST", url, headers: [] });
  assert.equal(progress.val.body.tag, "file");
  const taken = { status: 200, headers: [], body: new Uint8Array(), context: progress.val.context };
  const last = env().respond({ ok: true, files: [{ id: "F123ABC456", title: "receipt.pdf" }] });
  const done = await last.run(() => media.resume(outgoing, taken));
  assert.deepEqual(last.requests[0]!.body, { files: [{ id: "F123ABC456", title: "receipt.pdf" }] });
  assert.ok(done.tag === "done" && done.val.id === "F123ABC456" && done.val.filename === "receipt.pdf");
});

test("an upload that was not taken says what to do, and is never uncertain", async () => {
  const answer = (status: number) => ({ status, headers: [], body: new Uint8Array(), context: new Uint8Array([70]) });
  const table: [number, string][] = [
    [413, "rejected"],
    [429, "retry"],
    [503, "retry"],
  ];
  for (const [status, tag] of table)
    assert.equal((await env().fails(() => media.resume(outgoing, answer(status)))).tag, tag, String(status));
  for (const lost of [env().respond({ ok: false, error: "fatal_error" }), env().respond(new TypeError("lost"))])
    assert.equal((await lost.fails(() => media.resume(outgoing, answer(200)))).tag, "retry");
  const elsewhere = env().respond({ ok: true, upload_url: "https://evil.example/upload/", file_id: "F1" });
  assert.equal((await elsewhere.fails(() => media.upload(outgoing, "key"))).tag, "misconfigured");
});

test("a file that Slack has is shown by Slack's own link to it", async () => {
  const slack = env()
    .respond({ ok: true, file: kept })
    .respond({ ok: true, channel: "D1", ts: "1515450000.000100" });
  const part: Part = { tag: "image", val: { id: kept.id, caption: "a & b" } };
  const to = { kind: "slack", namespace: "T061EG9R6", value: "U061F7AUR" };
  const action = { tag: "message" as const, val: { parts: [part] } };
  const receipt = await slack.run(() => send.deliver({ to, thread: "D1", action }, "key"));
  assert.equal(slack.requests[1]!.body.text, `a &amp; b\n<${kept.permalink}|broken.jpg>`);
  assert.deepEqual(receipt.messageIds, ["D1:1515450000.000100"]);
});

test("a media base without a scheme is no configuration", async () => {
  assert.equal((await configure.validate('{"media_base": "files.slack.com"}')).length, 1);
});
