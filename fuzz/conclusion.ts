import { type Event, type Reading, told } from "./naive-frames.ts";

/** What an endpoint makes of a stream, which it stops to read at the first close frame. */
export interface Conclusion {
  /** Messages, pings and pongs, as `told` has them. */
  readonly events: string;
  /** "more", "refused with CODE" or "closed with CODE REASON". */
  readonly end: string;
}

/** The conclusion of a reading, which knows nothing of close frames; `closeCode` reads their payloads. */
export function concluded(
  { events, failure }: Pick<Reading, "events" | "failure">,
  closeCode: (payload: Uint8Array) => number,
): Conclusion {
  const at = events.findIndex(({ opcode }) => opcode === 8);
  if (at < 0) return { events: told(events), end: failure === 0 ? "more" : `refused with ${failure}` };
  const { payload } = events[at] as Event;
  const code = closeCode(payload);
  const end = code < 0 ? `refused with ${-code}` : endOfClose(code, payload.subarray(2));
  return { events: told(events.slice(0, at)), end };
}

/** The end that a close frame makes. */
export function endOfClose(code: number, reason: Uint8Array): string {
  return `closed with ${code} ${JSON.stringify(Buffer.from(reason).toString("utf8"))}`;
}
