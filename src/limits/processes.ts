/** Processes: the workers of `belfry serve`, and signals. */
export const processLimits = {
  /** `belfry serve --workers`: a worker that ended is started again after this, and twice as late each further time. */
  processRestartMs: 100,
  processRestartMsMax: 10_000,
  /** A worker that ran for so long is no failure: the next one is started without the delays of those before. */
  processStableSeconds: 30,
  /** npm hands on a Ctrl-C that the terminal has sent already: two signals within this time are one. */
  signalTwinMs: 300,
  /** How long the parent waits for what its workers know; who is later is not in the metrics, or not healthy. */
  workerAnswerMsMax: 1000,
} as const;
