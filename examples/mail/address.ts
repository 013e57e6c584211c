import { mailLimits } from "./limits.ts";

/** One `@` with something on both sides, and neither white space nor control characters anywhere. */
const form = /^[^\s\p{C}@]+@[^\s\p{C}@]+$/u;

/** The mailbox that an address names, or undefined if it is none: case does not count. */
export function mailboxOf(address: string): string | undefined {
  if (address.length > mailLimits.addressBytesMax) return undefined;
  const mailbox = address.normalize("NFC").toLowerCase();
  const fits = Buffer.byteLength(mailbox) <= mailLimits.addressBytesMax;
  return fits && form.test(mailbox) ? mailbox : undefined;
}

/** The channel that carries a mailbox's events. */
export function channelOf(mailbox: string): string {
  return `mail:${mailbox}`;
}
