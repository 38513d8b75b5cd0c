// Frozen. It uses the contract itself and no SDK, so that no change of an SDK changes what it proves.

import { config } from "jackfield:connector/channel@0.1.0";
import { verify } from "jackfield:connector/secrets@0.1.0";
import { get, set } from "jackfield:connector/state@0.1.0";

const text = (bytes) => new TextDecoder().decode(bytes);
const bytes = (text) => new TextEncoder().encode(text);
const unhex = (text) => Uint8Array.from(text.match(/[0-9a-f]{2}/g) ?? [], (pair) => parseInt(pair, 16));
const fail = (tag, message, first) =>
  Object.assign(new Error(message), { payload: { tag, val: first ? [undefined, { message }] : { message } } });
const person = (value) => ({ kind: "golden", namespace: "golden", value });

export const receive = {
  handle({ headers, body, receivedAt }) {
    const signature = headers.find(({ name }) => name === "x-signature");
    const genuine = signature && verify("webhook-secret", { tag: "hmac-sha256" }, body, unhex(text(signature.value)));
    if (!genuine) throw fail("unauthenticated", "The header X-Signature is missing or wrong.");
    const { id, from, say } = JSON.parse(text(body));
    const seen = Number(text(get("seen") ?? bytes("0"))) + 1;
    set("seen", bytes(String(seen)));
    const sender = {
      identity: person(from),
      hints: [{ about: { tag: "name", val: from }, trust: { tag: "claimed" }, evidence: "golden" }],
    };
    const message = {
      id,
      thread: { id: from, kind: { tag: "direct" } },
      author: { tag: "customer", val: sender },
      sentAt: receivedAt,
      parts: [{ tag: "text", val: say }],
      extra: [{ name: "seen", value: String(seen) }],
    };
    return {
      reply: { status: 200, headers: [], body: bytes("golden") },
      events: [{ id: "", body: { tag: "message", val: message } }],
      unreadable: [],
    };
  },
};

export const send = {
  async deliver({ to, action }, key) {
    if (action.tag !== "message" || action.val.parts[0].tag !== "text") throw fail("unsupported", "Only text.");
    const { api_base = "https://golden.example" } = JSON.parse(config());
    const body = JSON.stringify({ to: to.value, say: action.val.parts[0].val, key });
    const answer = await fetch(`${api_base}/messages`, {
      method: "POST",
      body,
      headers: { "content-type": "application/json" },
    });
    if (answer.status !== 200) throw fail("retry", `The provider answered with status ${answer.status}.`, true);
    return { messageIds: [(await answer.json()).id], events: [] };
  },
};

export const identity = {
  hints: (who) => [{ about: { tag: "username", val: who.value }, trust: { tag: "claimed" }, evidence: "golden" }],
};
