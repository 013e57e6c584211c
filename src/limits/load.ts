/** The load generator. */
export const loadLimits = {
  /** Calls that publish under way at once: beyond it what is due waits, and its time counts. */
  loadPublishingMax: 4,
  /** Publications in one of them. */
  loadBatchMax: 256,
  /** Handshakes that one process has under way at once, unless told otherwise. */
  loadOpeningMax: 256,
  /** Descriptors that a process keeps for itself: files, pipes, the event loop. */
  loadDescriptorsSpare: 100,
  /** Part of a core from which a process of the load is said to be what limits it. */
  loadBusyMax: 0.9,
};
