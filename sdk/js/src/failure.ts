import type { FailureValue, Problem } from "./contract.ts";

type Said = string | Problem;
const problem = (said: Said): Problem => (typeof said === "string" ? { message: said } : said);
const milliseconds = (after?: number) => (after === undefined ? undefined : BigInt(Math.max(0, Math.round(after))));

/** What went wrong, said as what to do about it. Throw it; the bindings hand `payload` to the host. */
export class Failure extends Error {
  constructor(readonly payload: FailureValue) {
    super(Failure.problem(payload).message);
  }

  static problem(value: FailureValue): Problem {
    return value.tag === "retry" || value.tag === "rate-limited" ? value.val[1] : value.val;
  }

  /** The same again later; certainly nothing was sent. */
  static retry(said: Said, afterMs?: number) {
    return new Failure({ tag: "retry", val: [milliseconds(afterMs), problem(said)] });
  }

  /** Too much at once; `afterMs` if the channel said how long to wait. */
  static rateLimited(said: Said, afterMs?: number) {
    return new Failure({ tag: "rate-limited", val: [milliseconds(afterMs), problem(said)] });
  }

  /** The same request would fail for ever. */
  static rejected(said: Said) {
    return new Failure({ tag: "rejected", val: problem(said) });
  }

  /** The person cannot be reached on this address any more. */
  static recipientGone(said: Said) {
    return new Failure({ tag: "recipient-gone", val: problem(said) });
  }

  /** Only a template may be sent now. */
  static windowClosed(said: Said) {
    return new Failure({ tag: "window-closed", val: problem(said) });
  }

  /** The channel's credentials do not work. */
  static credentials(said: Said) {
    return new Failure({ tag: "credentials", val: problem(said) });
  }

  /** The connector or the channel cannot do that. */
  static unsupported(said: Said) {
    return new Failure({ tag: "unsupported", val: problem(said) });
  }

  /** It may have happened, and nobody can tell. */
  static uncertain(said: Said) {
    return new Failure({ tag: "uncertain", val: problem(said) });
  }

  /** The request did not prove that it comes from the provider. */
  static unauthenticated(said: Said) {
    return new Failure({ tag: "unauthenticated", val: problem(said) });
  }

  /** The channel's configuration is wrong. */
  static misconfigured(said: Said) {
    return new Failure({ tag: "misconfigured", val: problem(said) });
  }
}
