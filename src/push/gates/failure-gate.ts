import { limits } from "../../limits.ts";
import { networkOf } from "../../network.ts";
import { TwoWindows } from "../two-windows.ts";

/** How patient it is; defaults are in limits.ts, under `failureGate` and the same name. */
export interface FailureGateOptions {
  readonly free?: number | undefined;
  readonly seconds?: number | undefined;
  readonly delayMs?: number | undefined;
  readonly delayMsMax?: number | undefined;
  readonly addressesMax?: number | undefined;
}

/**
 * Who fails to connect again and again is answered later each time. It counts the failures of each address, or of a
 * whole network for IPv6, in the last one to two windows of time; a program that tries ten thousand times a second gets
 * its answers seconds later, at the cost of one number.
 */
export class FailureGate {
  readonly #now: () => number;
  readonly #free: number;
  readonly #delayMs: number;
  readonly #delayMsMax: number;
  readonly #failures: TwoWindows<string, number>;

  /** `now` is in milliseconds, and never goes back. */
  constructor(options: FailureGateOptions = {}, now: () => number = () => performance.now()) {
    this.#now = now;
    this.#free = options.free ?? limits.failureGateFree;
    this.#delayMs = options.delayMs ?? limits.failureGateDelayMs;
    this.#delayMsMax = options.delayMsMax ?? limits.failureGateDelayMsMax;
    const { seconds = limits.failureGateSeconds, addressesMax = limits.failureGateAddressesMax } = options;
    this.#failures = new TwoWindows(seconds * 1000, addressesMax);
  }

  /** How many addresses are kept. */
  get size(): number {
    return this.#failures.young.size + this.#failures.old.size;
  }

  /** A connect from the address has failed; returns in how many milliseconds to answer it. */
  failed(address: string): number {
    this.#failures.moveTo(this.#now());
    const network = networkOf(address);
    const before = this.#failures.old.get(network) ?? 0;
    const now = (this.#failures.young.get(network) ?? 0) + 1;
    this.#failures.set(network, now);
    const over = before + now - this.#free;
    return over <= 0 ? 0 : Math.min(this.#delayMsMax, this.#delayMs * 2 ** (over - 1));
  }
}
