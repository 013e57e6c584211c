import { type Find, runBatch } from "./batch.ts";
import type { Property } from "./property.ts";

/** How long to run, and with what. */
export interface Plan {
  /** Cases over all properties; without end when undefined. */
  readonly cases: number | undefined;
  /** Seconds after which no batch begins; without end when undefined. */
  readonly seconds: number | undefined;
  readonly seed: number;
  /** With one property: begins with the input of a find, and ends with it. */
  readonly path?: string | undefined;
  /** Ends the run behind the batch that is under way. */
  readonly signal?: AbortSignal | undefined;
  /** Told behind each batch: the cases so far, and the property of the last. */
  readonly progress?: (cases: number, property: Property) => void;
}

/** What became of one property. */
export interface Outcome {
  readonly property: Property;
  readonly cases: number;
  readonly seconds: number;
  readonly find: Find | undefined;
}

interface Lane {
  readonly property: Property;
  /** Cases that it is to have. */
  readonly due: number;
  cases: number;
  seconds: number;
  find: Find | undefined;
}

const CASES_PER_BATCH = 1000;

/**
 * Runs the properties in turns of one batch, each as often as its share asks for; one that has a find is left out from
 * then on. The seed of the first batch is that of the run, so that the first batch of a run with a find's seed holds it
 * again.
 */
export async function run(properties: readonly Property[], plan: Plan): Promise<readonly Outcome[]> {
  const lanes = lanesOf(properties, plan.cases);
  const end = performance.now() + (plan.seconds ?? Number.POSITIVE_INFINITY) * 1000;
  let cases = 0;
  for (let lane = nextOf(lanes); lane; lane = nextOf(lanes)) {
    if (performance.now() >= end || plan.signal?.aborted) break;
    const size = Math.min(CASES_PER_BATCH, lane.due - lane.cases);
    const begun = performance.now();
    const seed = seedOf(plan.seed, Math.floor(lane.cases / CASES_PER_BATCH));
    const batch = runBatch(lane.property, { seed, cases: size, path: plan.path });
    lane.seconds += (performance.now() - begun) / 1000;
    lane.cases += batch.cases;
    lane.find = batch.find;
    cases += batch.cases;
    plan.progress?.(cases, lane.property);
    if (plan.path) break;
    // Streams of Node's have work left for later, which would pile up.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return lanes;
}

function lanesOf(properties: readonly Property[], cases = Number.POSITIVE_INFINITY): Lane[] {
  const shares = properties.reduce((sum, { share }) => sum + share, 0);
  return properties.map((property) => {
    return { property, due: Math.ceil((cases * property.share) / shares), cases: 0, seconds: 0, find: undefined };
  });
}

/** The lane that has had the least of its share. */
function nextOf(lanes: readonly Lane[]): Lane | undefined {
  const open = lanes.filter(({ cases, due, find }) => cases < due && !find);
  const had = ({ cases, property }: Lane) => cases / property.share;
  return open.reduce<Lane | undefined>((least, lane) => (least && had(least) <= had(lane) ? least : lane), undefined);
}

/** The golden ratio as 32 bits: neighbours are far apart. */
function seedOf(seed: number, batch: number): number {
  return (seed + Math.imul(batch, 0x9e3779b9)) | 0;
}
