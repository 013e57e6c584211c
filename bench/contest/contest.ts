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

/**
 * Measures in interleaved rounds: in each, one trial after the other, and in each trial one contestant after the other,
 * so that a slow minute of the machine is everybody's. Who fails is out of that trial, with the reason in its row. What a
 * trial started ends with it.
 */
export async function hold({ trials, contestants, rounds, size, says }: ContestOrder): Promise<Measure[]> {
  const values = new Map<string, number[]>();
  const out = new Map<string, string>();
  for (const trial of trials) {
    for (const contestant of contestants) {
      const reason = contestant.absent ?? trial.skips(contestant);
      if (reason !== undefined) out.set(keyOf(trial.name, contestant), reason);
    }
  }
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
          const { message, cause } = error as Error;
          const reason = `failed in round ${round}: ${message}${cause === undefined ? "" : `, ${cause}`}`;
          says(`${contestant.name} ${reason}`);
          out.set(key, reason);
        } finally {
          killAll();
        }
      }
    }
  }
  const row = (trial: Trial, id: string, contestant: Contestant): Row => {
    const reason = out.get(keyOf(trial.name, contestant));
    const all = values.get(keyOf(id, contestant)) ?? [];
    return { subject: contestant.name, rounds: all, ...(reason !== undefined && { skipped: reason }) };
  };
  return trials.flatMap((trial) =>
    trial.measures.map((measure) => ({
      ...measure,
      rows: contestants.map((contestant) => row(trial, measure.id, contestant)),
    })),
  );
}

function keyOf(id: string, { name }: Contestant): string {
  return `${id} ${name}`;
}
