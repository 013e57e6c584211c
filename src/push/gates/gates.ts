import { limits } from "../../limits.ts";
import { FailureGate } from "./failure-gate.ts";
import { RateGate } from "./rate-gate.ts";

/** How patient the gates are; defaults are in limits.ts. */
export interface GateOptions {
  readonly commandsPerSecondMax?: number;
  readonly commandsPerUserPerSecondMax?: number;
  readonly failedConnectsFree?: number;
  readonly failedConnectDelayMsMax?: number;
}

/** What keeps single clients from taking more than their part. */
export interface Gates {
  /** How many commands a client may send. */
  readonly rates: RateGate;
  /** How many commands the clients of a user may send together, by its number in Identities; undefined for no bound. */
  readonly userRates: RateGate | undefined;
  /** Who fails to connect again and again. */
  readonly failures: FailureGate;
}

/** The gates of a server. */
export function makeGates(options: GateOptions): Gates {
  const { failedConnectsFree: free, failedConnectDelayMsMax: delayMsMax } = options;
  const perUser = options.commandsPerUserPerSecondMax ?? limits.commandsPerUserPerSecondMax;
  return {
    rates: new RateGate({ perSecond: options.commandsPerSecondMax ?? limits.commandsPerSecondMax }),
    userRates: perUser > 0 ? new RateGate({ perSecond: perUser }) : undefined,
    failures: new FailureGate({ free, delayMsMax }),
  };
}
