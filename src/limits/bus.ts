/** The Bus: `belfry bus`, NATS, and what nodes tell one another. */
export const busLimits = {
  /** `belfry bus`: the longest arguments of an operation, as nats-server has it; `-ERR` beyond. Option of the bus. */
  busControlLineBytesMax: 4096,
  /** The largest payload, its headers included, as nats-server has it; `-ERR` beyond. Option of the bus. */
  busPayloadBytesMax: 1_048_576,
  /** Bytes that may wait for one client of the Bus; over it it is cut as a slow consumer. Option of the bus. */
  busPendingBytesMax: 67_108_864,
  /** What a client of the Bus is written into in one piece: small, so that many are served in one call. */
  busChunkBytes: 8192,
  /** What is gathered for the same subscribers until they get it: what a batch brings, and still in the cache. */
  busBlockBytes: 32_768,
  /** What all clients of the Bus are written into, until the end of a batch. */
  busOutputSlabBytes: 4_194_304,
  /** Subjects whose subscribers are known without a search, and their bytes; when there are more all begin anew. */
  busRoutesMax: 65_536,
  busRoutesBytesMax: 4_194_304,
  /** How often a client of the Bus is pinged, and how many pings may be unanswered: those of nats-server. Options. */
  busPingSeconds: 120,
  busPingsOutMax: 2,
  /** How long a client may take to show its credentials, where the Bus asks for some. */
  busAuthSecondsMax: 2,
  /** How long a client of the Bus may take for a TLS handshake, as with nats-server. */
  busTlsSecondsMax: 2,
  /** Subscriptions of one client of the Bus. Option of the bus. */
  busSubscriptionsMax: 1_000_000,
  /** Channels that a process asks NATS for one by one, at 1,250 bytes each in its client; then it takes everything. */
  natsSubscriptionsMax: 10_000,
  /** Publications that a process reads when the Bus is back; when it missed more, its clients are told so. */
  natsCatchUpMax: 10_000,
  /** Messages of the stream that it asks for at once then. */
  natsReadsMax: 64,
  /** How often it looks how far the stream has come, so that a return of the Bus has little to read. */
  natsLookSeconds: 5,
  /** What the stream of all histories keeps of a channel, and for how long. Options of the bus. */
  natsHistorySizeMax: 1000,
  natsHistorySecondsMax: 86_400,
  /** How long a Bus that is away is left alone between two attempts, and as much again at random. */
  natsReconnectMs: 250,
  /**
   * How long one attempt may take; how often a connection is asked whether it is alive, and how many questions may be
   * unanswered when the next one is due: then it is given up. A wire that is cut without a word is noticed within 9 s.
   */
  natsConnectSecondsMax: 5,
  natsPingSeconds: 3,
  natsPingsOutMax: 2,
  /** How long a Bus may take at the start until it has histories: a cluster needs most of its servers, and a leader. */
  natsHistoriesSecondsMax: 30,
  /** A log of the Bus on disk that is shorter is left as it is; a longer one is when half of it is live. */
  busLogBytesMin: 16_777_216,
  /**
   * How long the nodes of a Bus are waited for when one asks them all. Those that run answer within some milliseconds;
   * who waits for the answer is a back end or a page.
   */
  surveyMsMax: 500,
  /**
   * What one node may answer to another, in as many messages as it takes: 106 beyond. The answers of eight nodes are
   * as much as may wait for a client of the Bus (busPendingBytesMax).
   */
  surveyAnswerBytesMax: 8_388_608,
  /** How often a node says that it is there, and how many of these may be missed until the others forget it. */
  nodeAliveSeconds: 3,
  nodeMissesMax: 3,
  /** How long a Bus may bring nothing back of what a node says, until it counts as starved: three times, and a bit. */
  busStarvedSeconds: 10,
  /** How often it is seen to that nothing was lost in channels where nothing further was published; Centrifugo's. */
  positionCheckSeconds: 40,
} as const;
