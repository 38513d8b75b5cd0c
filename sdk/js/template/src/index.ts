import {
  type Identity,
  type Part,
  type Receive,
  type Send,
  Failure,
  bodyJson,
  channel,
  each,
  header,
  http,
  inOrder,
  message,
  need,
  other,
  outcome,
  secrets,
  sender,
  text,
} from "jackfield-sdk";

export const receive: Receive = {
  handle(request) {
    // Verify first: without it nothing counts.
    if (!secrets.verifyHex("webhook-secret", "hmac-sha256", request.body, header(request, "x-signature"))) {
      throw Failure.unauthenticated("The header X-Signature is missing or wrong.");
    }
    const whole = outcome();
    // Each event by itself: one that cannot be read must not take its siblings along.
    each(whole, bodyJson(request).events, (event) => {
      const kind = need(event, "type");
      if (kind !== "message") return [other(kind, event, text(event, "id"))];
      const from = need(event, "from");
      return [
        message({
          id: need(event, "id"),
          thread: { id: from, kind: { tag: "direct" } },
          author: { tag: "customer", val: sender({ kind: "example", value: from }) },
          parts: [{ tag: "text", val: need(event, "text") }],
          extra: [],
        }),
      ];
    });
    return whole;
  },
};

export const send: Send = {
  async deliver({ to, action }) {
    if (action.tag !== "message") throw Failure.unsupported("This channel only takes messages.");
    return inOrder(action.val.parts, (part) => post(to.value, part));
  },
};

export const identity: Identity = {
  hints: () => [],
};

async function post(to: string, part: Part): Promise<string> {
  if (part.tag !== "text") throw Failure.unsupported("This channel only takes text.");
  const { api_base = "https://api.example.com" } = channel.config<{ api_base?: string }>();
  const answer = await http.act(`${api_base}/messages`, http.json({ to, text: part.val }));
  if (answer.status === 429) throw Failure.rateLimited("Too many messages.", answer.retryAfterMs);
  if (answer.status === 401) throw Failure.credentials("The token is not accepted.");
  if (answer.status >= 500) throw Failure.retry(`The provider answered with status ${answer.status}.`);
  if (answer.status >= 400) throw Failure.rejected(`The provider answered with status ${answer.status}.`);
  const id = text(answer.json, "id");
  if (id === undefined) throw Failure.uncertain("The provider took the message but gave no id of it.");
  return id;
}
