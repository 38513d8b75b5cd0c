/** A provider's answer, read whole. */
export interface Reply {
  status: number;
  headers: Headers;
  text: string;
}

/**
 * Why no answer came. `denied`: the host did not let it out, and trying again does not help. `unsent`: nothing was sent, for there is no
 * such name, the connection was refused, or there is no TLS. `unanswered`: something was sent, and it may have been done.
 */
export class Lost extends Error {
  constructor(
    readonly kind: "denied" | "unsent" | "unanswered",
    said: string,
  ) {
    super(said);
  }
}
