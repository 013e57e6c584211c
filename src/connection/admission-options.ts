import { limits } from "../limits.ts";
import type { Overload } from "./doors.ts";

/** Who is let in, and what the others are told; each bound is of one process. Defaults are in limits.ts. */
export interface AdmissionOptions {
  /** Lateness of the event loop, in milliseconds; nobody is accepted from there on. 0, as for all of them: no bound. */
  lagMsMax?: number;
  /** Resident memory of the process. */
  residentBytesMax?: number;
  /** Bytes that wait for all connections together. */
  waitingBytesMax?: number;
  connectionsMax?: number;
  /**
   * Connections of one address, or of 64 bits of an IPv6 address; further ones are answered 429 with Retry-After. Not
   * behind a proxy, since there all come from its address.
   */
  connectionsPerAddressMax?: number;
  /** Connections that are accepted, and neither upgraded nor refused yet. */
  handshakesMax?: number;
  /** Connections accepted in a second; those who come faster wait in the backlog. */
  acceptsPerSecondMax?: number;
  /** … and at once, after a time without any. Default 0: a tenth of a second's, and at least one. */
  acceptsBurstMax?: number;
  /** How long the rate of accepts takes after the first listen to grow to acceptsPerSecondMax. */
  rampSeconds?: number;
  /** What becomes of those who come meanwhile; see {@link Overload}. Default "rest". */
  overload?: Overload;
  /** How long they wait in the backlog, before `refuse` and `503` begin. */
  refuseAfterSeconds?: number;
}

/** All options, with the defaults for those that were not given. */
export function withDefaults(options: AdmissionOptions): Required<AdmissionOptions> {
  const {
    lagMsMax,
    residentBytesMax,
    waitingBytesMax,
    connectionsMax,
    connectionsPerAddressMax,
    handshakesMax,
    acceptsPerSecondMax,
    acceptsBurstMax,
    rampSeconds,
    refuseAfterSeconds,
  } = limits;
  const loads = { lagMsMax, residentBytesMax, waitingBytesMax };
  const counts = { connectionsMax, connectionsPerAddressMax, handshakesMax };
  const rate = { acceptsPerSecondMax, acceptsBurstMax, rampSeconds };
  return { ...loads, ...counts, ...rate, overload: "rest", refuseAfterSeconds, ...options };
}
