import { Env, hmac, webhook } from "jackfield-sdk/testing";

import fixtures from "../fixtures/events.json";

export { fixtures };

/** In this tests' world it is always the moment of the first message. */
const NOW = 1_515_449_530;
const SECRET = "8f742231b10e8888abcd99aaabbb85a5";

export const env = (config: object = {}) =>
  new Env({ config: { api_base: "http://127.0.0.1:4000", ...config }, secrets: { "signing-secret": SECRET } });

/** A request that Slack signed. */
export function signed(body: string | object, { age = 0, type = "application/json" } = {}) {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const stamp = String(NOW - age);
  const signature = `v0=${hmac("sha256", SECRET, `v0:${stamp}:${text}`)}`;
  const headers = { "content-type": type, "x-slack-request-timestamp": stamp, "x-slack-signature": signature };
  return webhook(text, headers, { receivedAt: BigInt(NOW) * 1000n });
}

/** An event in the envelope of the fixture. */
export const enveloped = (event: object, more: object = {}) => ({
  ...fixtures.direct,
  event_id: "Ev2",
  ...more,
  event,
});
