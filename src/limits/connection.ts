/** The wire, connections and the process that serves them: the server of `belfry`, and `dial`. */
export const connectionLimits = {
  /**
   * Longest request head. Cookies and tokens of large sites fit; what is longer is answered 431. Option of the server.
   */
  headBytesMax: 16_384,
  /** Most header lines in a request head: what is over is answered 431. Browsers send fewer than 30. */
  headerCountMax: 100,
  /** Time from accept to a complete request head, after which it is answered 408. Option of the server. */
  headSecondsMax: 10,
  /** Asynchronous upgrades under way at once in one Upgrader: 503 beyond. Option of the Upgrader. */
  upgradesInFlightMax: 1024,
  /** Largest message, after its fragments are joined; over it the connection closes with 1009. Option of the server. */
  messageBytesMax: 1_048_576,
  /**
   * Most fragments of one message: a sender of empty fragments ends with 1008. Above the 65,536 that a message of 4 MiB
   * in fragments of 64 bytes has, with which the Autobahn suite tries servers. Option of the server.
   */
  fragmentsMax: 131_072,
  /** With permessage-deflate, messages of fewer bytes go as they are: they would hardly shrink. Option of `deflate`. */
  deflateThresholdBytes: 1024,
  /** Windows of all connections with context takeover, at most 64 KiB each; beyond it a new connection gets none. */
  deflateWindowsBytesMax: 268_435_456,
  /** Longest fragment that a WebSocket over streams sends: a pong or a close frame waits for no more. Option. */
  fragmentBytesMax: 65_536,
  /** Final blocks in one compressed message, each of which costs a new inflate: 1008 beyond. Honest peers send one. */
  deflateStreamsMax: 16,
  /** Most control frames in one read of at most 64 KiB: a ping flood ends with 1008; no honest client sends so many. */
  controlFramesPerReadMax: 256,
  /** Bytes that wait for one connection whose socket is full; over it the connection is cut with 3008. Option. */
  outboxBytesMax: 1_048_576,
  /**
   * Bytes that wait for all connections whose sockets are full; over it those for which most waits are cut with 3008.
   * A quarter of the smallest machines' memory; 256 connections at outboxBytesMax. Option of the server.
   */
  outboundBytesMax: 268_435_456,
  /** A connection hears nothing for at most about this long before it is sent a ping. Below the 50-60 s after which
   * proxies cut a silent connection. Option of the server. */
  heartbeatSeconds: 40,
  /** How long a ping may stay unanswered (any byte is an answer) before the connection counts as dead. Option. */
  pongSecondsMax: 10,
  /** How long a connection that closes may take to let its last bytes be read. */
  closeSecondsMax: 5,
  /** A client's time from the first look for the server to the whole head of its answer. Option of dial. */
  dialSecondsMax: 10,
  /**
   * Bytes that may still wait for the socket when a dialed connection is written to again; over it the connection is
   * cut. Who waits for what `write` returned never gets there. Option of connectNet, NetpollDialer, SocketTransport.
   */
  dialQueueBytesMax: 1_048_576,
  /** Bytes of a dialed connection over netpoll that wait for their reader, after which no more is read: one read's. */
  dialUnreadBytesMax: 65_536,
  /** Tasks that may be under way at once in the worker pool. Option of the server. */
  workersMax: 1024,
  /** With all workers busy for this long the listeners stop accepting. */
  acceptPatienceMs: 1,
  /** With all workers busy nothing is harvested; so often full sockets are tried again then. */
  saturatedRetryMs: 10,
  /** Batches of one turn of the event loop, each of up to fullBatchRecords events; a smaller one is the last. */
  batchesPerTurn: 32,
  fullBatchRecords: 32,
  /** Pause after which a listener that ran out of descriptors looks again, if no connection closed before. */
  restRetryMs: 1000,
  /** The input slab: what one batch of reads may bring. Large enough for 16 full reads, small enough for the cache. */
  inputSlabBytes: 1_048_576,
  /** The output slab: what is sent in one native call. */
  outputSlabBytes: 1_048_576,
  /** Entries of one flush. */
  flushEntriesMax: 4096,
  /** Sends of one slice of a fan-out, and pings of one turn: about 1 ms, after which other events have their turn. */
  fanoutSliceSends: 128,
  /** Publications on their way to more than one slice; beyond it a publish is carried out to its end at once. */
  fanoutWaitingMax: 1000,
  /** Idle buffers kept in the pool for reuse, over all sizes. */
  pooledBytesMax: 4_194_304,
  /** Connections that may wait in the kernel to be accepted. */
  backlog: 4096,
  /** Longest reason of a close frame: 125 bytes of a control frame less the code (RFC 6455, 5.5). */
  closeReasonBytesMax: 123,
  /**
   * A port that several processes share takes no new connection for so long before it is given up: longer than a round
   * trip, so that handshakes end where they began, and shorter than the second after which a client asks again.
   */
  listenerLingerMs: 500,
} as const;
