import type { Case } from "./cases.ts";
import { section1 } from "./section-1.ts";
import { section2 } from "./section-2.ts";
import { section3 } from "./section-3.ts";
import { section4 } from "./section-4.ts";
import { section5 } from "./section-5.ts";
import { section6 } from "./section-6.ts";
import { section7 } from "./section-7.ts";
import { section9, section10 } from "./section-9.ts";

/** A section of the suite: its number is that of Autobahn's. */
export interface Section {
  readonly number: number;
  readonly title: string;
  readonly cases: readonly Case[];
  /** Its messages are so large that few of them are sent at a time. */
  readonly large?: true;
}

/** The sections that need no extension. */
export const sections: readonly Section[] = [
  { number: 1, title: "framing", cases: section1 },
  { number: 2, title: "pings and pongs", cases: section2 },
  { number: 3, title: "reserved bits", cases: section3 },
  { number: 4, title: "reserved opcodes", cases: section4 },
  { number: 5, title: "fragmentation", cases: section5 },
  { number: 6, title: "UTF-8", cases: section6 },
  { number: 7, title: "closing handshake", cases: section7 },
  { number: 9, title: "limits", cases: section9, large: true },
  { number: 10, title: "fragmentation by the sender", cases: section10 },
];
