import type { Measure } from "../report/results.ts";
import type { Part, Values } from "./part.ts";

/** Has all subjects of a part measured, in rounds, so that what else the machine does meets all of them alike. */
export async function inRounds(part: Part, rounds: number, tell: (step: string) => void): Promise<Measure[]> {
  const found = new Map<string, Values[]>(part.subjects.map((subject) => [subject, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [subject, values] of found) {
      tell(`${part.name}, round ${round + 1} of ${rounds}: ${subject}`);
      values.push(await part.measure(subject));
    }
  }
  const rowsOf = (id: string) =>
    [...found].map(([subject, values]) => ({ subject, rounds: values.map((one) => one[id] ?? Number.NaN) }));
  return part.measures.map((measure) => ({ ...measure, rows: rowsOf(measure.id) }));
}
