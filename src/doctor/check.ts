import type { FindingId, Setting, Unit } from "./finding.ts";
import type { Plan } from "./plan.ts";

/** A figure that has to be large enough for a plan. */
export interface Check {
  readonly id: FindingId;
  readonly title: string;
  readonly unit: Unit;
  readonly has: number | undefined;
  /** What has to be there; it is enough for all numbers of connections up to some number, and for none above. */
  readonly needs: (plan: Plan) => number;
  readonly note: string;
  /** The setting that is enough for `needs`; undefined where nothing can be set. */
  readonly set?: (needs: number) => Setting;
  /** It says nothing of how many connections there may be. */
  readonly isNoBound?: true;
  /** The setting is wanted even where the figure is enough. */
  readonly isAlwaysSet?: true;
}

/** The next number up that has three digits and zeros. */
export function roundUp(count: number): number {
  const step = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(1, count))) - 2);
  return Math.ceil(count / step) * step;
}

/** A line for sysctl.d(5). */
export function sysctl(key: string, value: number | string): Setting {
  return { where: "sysctl", key, value: `${value}` };
}
