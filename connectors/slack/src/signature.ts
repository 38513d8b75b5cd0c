import { type Request, header, secrets } from "jackfield-sdk";

/** Seconds. A request that is older, or from further in the future, may be a replay. */
const FRESH = 300;

/** Whether Slack signed the request, and lately. The signature covers the time stamp, the body's bytes and nothing else. */
export function isGenuine(request: Request): boolean {
  const stamp = header(request, "x-slack-request-timestamp");
  const signature = /^v0=([0-9a-f]{64})$/i.exec(header(request, "x-slack-signature"))?.[1];
  if (!signature || !/^[0-9]{1,12}$/.test(stamp)) return false;
  // Against the moment it arrived, so that a parked request can still be replayed.
  const age = Math.abs(Number(request.receivedAt) / 1000 - Number(stamp));
  return age <= FRESH && secrets.verifyHex("signing-secret", "hmac-sha256", signed(stamp, request.body), signature);
}

function signed(stamp: string, body: Uint8Array): Uint8Array {
  const head = new TextEncoder().encode(`v0:${stamp}:`);
  const whole = new Uint8Array(head.length + body.length);
  whole.set(head);
  whole.set(body, head.length);
  return whole;
}
