/**
 * Why a token is not accepted: its time is over; it is not genuine, or not for us; it is longer than `tokenBytesMax`;
 * or nobody can tell now, because the keys are out of reach.
 */
export type TokenFaultKind = "expired" | "invalid" | "oversized" | "unavailable";

/** A token was not accepted. The message is for the operator: the client is told the kind and no more. */
export class TokenFault extends Error {
  override readonly name = "TokenFault";
  readonly kind: TokenFaultKind;
  constructor(kind: TokenFaultKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}
