import { setImmediate as turn } from "node:timers/promises";
import type { Case, Chop, Expectation, Step } from "./cases.ts";
import { random } from "./payloads.ts";
import type { Seen, Tester } from "./tester.ts";

/** A case with this many octets, or fewer, is also sent octet by octet. */
const OCTETS_MAX = 700;
/** And with this many in random cuts. */
const CUTS_MAX = 70_000;

/** In which pieces a case is sent. */
export function chopsOf({ chops, send }: Case): readonly Chop[] {
  if (chops) return chops;
  const octets = send.reduce((sum, step) => sum + sizeOf(step), 0);
  if (octets <= OCTETS_MAX) return ["whole", "octets", { seed: octets }];
  return octets <= CUTS_MAX ? ["whole", { seed: octets }] : ["whole"];
}

/** How a way of chopping is called. */
export function chopName(chop: Chop): string {
  if (chop === "whole") return "in one piece";
  if (chop === "octets") return "octet by octet";
  return typeof chop === "number" ? `in pieces of ${chop}` : `in random pieces, seed ${chop.seed}`;
}

/** Sends a case, waits for what must come and for the end, and returns what was seen. */
export async function play(
  tester: Tester,
  steps: readonly Step[],
  { replies, end }: Expectation,
  chop: Chop,
): Promise<Seen> {
  const { seen } = tester;
  let waiting: Buffer[] = [];
  const send = async () => {
    await sendChopped(tester, waiting.length === 1 ? (waiting[0] as Buffer) : Buffer.concat(waiting), chop);
    waiting = [];
  };
  for (const step of steps) {
    if (!("untilReplies" in step)) {
      waiting.push(tester.encode(step));
      continue;
    }
    await send();
    await tester.until(() => seen.replies.length >= step.untilReplies || tester.over);
  }
  await send();
  if (end === "clean") {
    await tester.until(() => seen.replies.length >= replies.length || tester.over);
    await tester.sayClose(1000);
  }
  // More than was wanted settles it: the end, which may never come, need not be waited for.
  await tester.finish(() => seen.replies.length > replies.length);
  return seen;
}

/** Between two pieces the event loop turns once, so that the endpoint reads them one by one. */
async function sendChopped(tester: Tester, bytes: Buffer, chop: Chop): Promise<void> {
  if (chop === "whole") return tester.write(bytes);
  const next = typeof chop === "object" ? random(chop.seed) : undefined;
  for (let at = 0; at < bytes.length && !tester.over; ) {
    // Half of the random pieces are short, so that headers are cut too.
    const size = next ? 1 + Math.floor(next() * (next() < 0.5 ? 8 : 4096)) : chop === "octets" ? 1 : Number(chop);
    await tester.write(bytes.subarray(at, at + size));
    await turn();
    at += size;
  }
}

function sizeOf(step: Step): number {
  if ("untilReplies" in step) return 0;
  if ("octets" in step) return step.octets.length;
  const payload = "compress" in step ? step.compress : step.payload;
  return 8 + (typeof payload === "string" || payload instanceof Uint8Array ? payload.length : payload.bytes);
}
