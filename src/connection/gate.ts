/**
 * One measure with two marks: the gate shuts when the value reaches `max`, and opens again when it is down at
 * `reopenAt`. Between the two it stays as it is, so that a value that wavers around one mark moves nothing. The marks
 * are 0 for a gate that is off.
 */
export class Gate {
  readonly max: number;
  readonly reopenAt: number;
  /** The last value. */
  value = 0;
  isShut = false;

  /** `reopenPercent` of `max` is the lower mark, and at most `max` - 1. */
  constructor(max: number, reopenPercent: number) {
    this.max = max;
    this.reopenAt = Math.max(0, Math.min(max - 1, Math.floor((max * reopenPercent) / 100)));
  }

  /** Takes a new value; returns whether the gate has moved. */
  update(value: number): boolean {
    this.value = value;
    if (this.max === 0 || (this.isShut ? value > this.reopenAt : value < this.max)) return false;
    this.isShut = !this.isShut;
    return true;
  }
}
