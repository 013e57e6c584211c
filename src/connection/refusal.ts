import { limits } from "../limits.ts";

/** When a client that is refused may come back, in whole seconds: not all at the same time. */
export function retryAfter(): string {
  return String(1 + Math.floor(Math.random() * limits.retryAfterSecondsMax));
}

/** How a connection is refused whose address has as many as it may: status, reason and headers of the answer. */
export function addressFull(): [status: number, reason: string, headers: Readonly<Record<string, string>>] {
  const reason = "too many connections of your address (option admission.connectionsPerAddressMax)";
  return [429, reason, { "Retry-After": retryAfter() }];
}
