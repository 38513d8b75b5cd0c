/** A channel without webhooks that has files. It exists for its tests, which hold the SDK to the interfaces `poll` and `media`. */

import {
  type Event,
  type Files,
  type Identity,
  type Poll,
  Failure,
  batch,
  each,
  files,
  http,
  message,
  need,
  sender,
} from "jackfield-sdk";

const BASE = "https://news.example";
const decoder = new TextDecoder();

export const poll: Poll = {
  async poll(cursor) {
    const query = cursor ? `?after=${decoder.decode(cursor)}` : "";
    const { json } = await http.ask(`${BASE}/messages${query}`);
    const found = batch(need(json, "next"));
    each(found, json.messages, read);
    found.more = json.more === true;
    return found;
  },
};

export const identity: Identity = { hints: () => [] };

export const media: Files = {
  fetch: ({ id, size, sha256 }) => files.download(`${BASE}/files/${id}`, { mime: "image/png", size, sha256 }),
  upload: ({ filename }, idempotencyKey) =>
    files.form(
      files.request("POST", `${BASE}/files`),
      [files.field("name", filename), files.fileField("content")],
      idempotencyKey,
    ),
  resume(file, { status, body, context }) {
    if (status === 202) return files.bytes(files.request("PUT", `${BASE}/files/again`), decoder.decode(context));
    if (status !== 200) throw Failure.rejected(`The file was not taken: status ${status}.`);
    return files.done(file, need(JSON.parse(decoder.decode(body)), "id"));
  },
};

function read(item: any): Event[] {
  return [
    message({
      id: need(item, "id"),
      thread: { id: need(item, "from"), kind: { tag: "direct" } },
      author: { tag: "customer", val: sender({ kind: "news", value: need(item, "from") }) },
      parts: [{ tag: "image", val: { id: need(item, "file") } }],
      extra: [],
    }),
  ];
}
