import type { Measure, Row } from "../report/results.ts";
import { killAll } from "./children.ts";
import type { Contestant } from "./contestants.ts";
import type { Size, Trial } from "./trial.ts";

/** What is measured of whom, how often, and who is told how far it is. */
export interface ContestOrder {
  readonly trials: readonly Trial[];
  readonly contestants: readonly Contestant[];
  readonly rounds: number;
  readonly size: Size;
  says(line: string): void;
}

const FAILED = "failed";

/**
 * Measures in interleaved rounds: in each, one trial after the other, and in each trial one contestant after the other,
 * so that a slow minute of the machine is everybody's. Who fails is out of that trial, with the reason in its row. What a
 * trial started ends with it.
 */
export async function hold(order: ContestOrder): Promise<Measure[]> {
  const { trials, contestants, rounds, size, says } = order;
  const values = new Map<string, number[]>();
  const out = whoIsOut(order);
  for (let round = 1; round <= rounds; round++) {
    for (const trial of trials) {
      for (const contestant of contestants) {
        const key = keyOf(trial.name, contestant);
        if (out.has(key)) continue;
        says(`round ${round} of ${rounds}, ${trial.name}: ${contestant.name}`);
        try {
          for (const [id, value] of Object.entries(await trial.run(contestant, size))) {
            const own = keyOf(id, contestant);
            values.set(own, [...(values.get(own) ?? []), value]);
          }
        } catch (error) {
          const reason = `${FAILED} in round ${round}: ${(error as Error).message}`;
          says(`${contestant.name} ${reason}`);
          out.set(key, reason);
        } finally {
          killAll();
        }
      }
    }
  }
  return trials.flatMap((trial) =>
    trial.measures.map((measure) => ({
      ...measure,
      rows: contestants.map((one) => rowOf(one, values.get(keyOf(measure.id, one)), out.get(keyOf(trial.name, one)))),
    })),
  );
}

/** Whether one who could take part has failed. */
export function hasFailed(measures: readonly Measure[]): boolean {
  return measures.some(({ rows }) => rows.some(({ skipped }) => skipped?.startsWith(FAILED)));
}

/** The reasons of those who take no part from the beginning, by trial and contestant. */
function whoIsOut({ trials, contestants }: ContestOrder): Map<string, string> {
  const out = new Map<string, string>();
  for (const trial of trials) {
    for (const contestant of contestants) {
      const reason = contestant.absent ?? trial.skips(contestant);
      if (reason !== undefined) out.set(keyOf(trial.name, contestant), reason);
    }
  }
  return out;
}

function rowOf({ name }: Contestant, rounds: readonly number[] = [], skipped?: string): Row {
  return { subject: name, rounds, ...(skipped !== undefined && { skipped }) };
}

function keyOf(id: string, { name }: Contestant): string {
  return `${id} ${name}`;
}
