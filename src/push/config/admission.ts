/** The keys of `admission`. */

import * as v from "valibot";
import { limits } from "../../limits.ts";
import { key, oneOf, seconds, whole } from "./words.ts";

const TIB = 1024 ** 4;
const HOUR = 3600;
const connections = whole(0, 100_000_000);
const bytes = whole(0, TIB);

/** When a process lets nobody more in, and what becomes of those who come then. */
export const admission = v.strictObject({
  lagMsMax: key(
    whole(0, 60_000),
    limits.lagMsMax,
    "Lateness of the event loop in milliseconds, the middle one of three samples, 100 ms apart. 0, as for the other " +
      "bounds, for no bound. Each gate opens again at a lower mark: three quarters of the bound for this one, for " +
      "waitingBytesMax and handshakesMax, 95 percent for the others.",
  ),
  residentBytesMax: key(bytes, limits.residentBytesMax, "Resident memory of the process."),
  waitingBytesMax: key(bytes, limits.waitingBytesMax, "Bytes that wait for all clients together."),
  connectionsMax: key(connections, limits.connectionsMax, "Connections, whatever their state."),
  connectionsPerAddressMax: key(
    connections,
    limits.connectionsPerAddressMax,
    "Connections of one address, or of the first 64 bits of an IPv6 address. Further ones are answered 429 with " +
      "Retry-After at once. Leave it off behind a proxy: there all connections come from the proxy's address.",
  ),
  handshakesMax: key(
    connections,
    limits.handshakesMax,
    "Connections that are accepted, and neither upgraded nor refused yet.",
  ),
  acceptsPerSecondMax: key(
    whole(0, 1_000_000),
    limits.acceptsPerSecondMax,
    "Connections accepted in a second, in the long run. Those who come faster wait in the backlog, whatever overload " +
      "says.",
  ),
  acceptsBurstMax: key(
    whole(0, 1_000_000),
    limits.acceptsBurstMax,
    "How many at once, after a time without any. 0 for a tenth of acceptsPerSecondMax.",
  ),
  rampSeconds: key(
    seconds(0, HOUR),
    limits.rampSeconds,
    "After a start acceptsPerSecondMax and acceptsBurstMax begin with a tenth of themselves, and grow for so long.",
  ),
  overload: key(
    oneOf(["rest", "refuse", "503"]),
    "rest",
    "What becomes of those who come while a gate is shut, or all workers are busy: they wait in the backlog (rest); " +
      "or the port is closed, so that a balancer goes elsewhere at once, until it is over (refuse); or they are answered " +
      "503 with Retry-After (503).",
  ),
  refuseAfterSeconds: key(
    seconds(0, HOUR),
    limits.refuseAfterSeconds,
    "How long they wait in the backlog before refuse and 503 begin.",
  ),
});
