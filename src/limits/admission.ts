/** Who is let in, and what becomes of the others. */
export const admissionLimits = {
  /**
   * The gates of admission, of which each shuts the listeners at its mark. 0 is off, and off is the default: what is
   * much depends on the machine. Options under `admission`, also those below up to refuseAfterSeconds.
   * Lateness of the event loop; about 100 ms are felt.
   */
  lagMsMax: 0,
  /** Resident memory of the process. */
  residentBytesMax: 0,
  /** Bytes that wait for all connections together: less than outboundBytesMax, with which the largest are cut. */
  waitingBytesMax: 0,
  /** Connections of the process, whatever their state. */
  connectionsMax: 0,
  /** Connections of one address: off, since behind a proxy all come from one. */
  connectionsPerAddressMax: 0,
  /** Connections whose handshake is under way: off, since a few clients that stand still could shut out all others. */
  handshakesMax: 0,
  /** Connections accepted in a second, in the long run. */
  acceptsPerSecondMax: 0,
  /** Connections accepted at once after a time without any; 0 for a tenth of a second's. */
  acceptsBurstMax: 0,
  /** How long a start takes to come to the full rate: until the code is compiled and the caches are warm. */
  rampSeconds: 10,
  /** The part of the rate with which a start begins. */
  acceptRampPercent: 10,
  /** The listeners have rested for so long when clients are refused: shorter peaks cost nobody anything. */
  refuseAfterSeconds: 0.5,
  /** Without tokens the listeners rest for those of so many milliseconds, so that not each token wakes them. */
  acceptRestMs: 20,
  /** How often lag, memory and what waits are looked at: reading them costs about 10 µs. */
  loadSampleMs: 100,
  /** Where a gate opens again, in percent of where it shuts: what wavers a lot has to come down further. */
  countReopenPercent: 95,
  loadReopenPercent: 75,
  /** The listeners have been shut for so long when it is told: who waits shorter does not notice. */
  shutTellMs: 1000,
  /** Clients that are told 503 or 429 at once; further ones wait in the backlog, or are cut. */
  refusalsInFlightMax: 1024,
  /** How long a client may take to send its request's head and read the refusal. */
  refusalSecondsMax: 5,
  /** Longest Retry-After: each client that is refused gets from 1 to so many seconds, so that not all come at once. */
  retryAfterSecondsMax: 5,
} as const;
