/**
 * Every bound of Belfry in one table: each queue, loop and size has one, with its unit last in its name and its reason.
 * An option of the same name changes it, where it is an option; the others are properties of the implementation.
 */
export const limits = {
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
  /** Sends of one slice of a fan-out: about 2 ms, after which other events have their turn. */
  fanoutSliceSends: 512,
  /** Publications on their way to more than one slice; beyond it a publish is carried out to its end at once. */
  fanoutWaitingMax: 1000,
  /** Idle buffers kept in the pool for reuse, over all sizes. */
  pooledBytesMax: 4_194_304,
  /** Connections that may wait in the kernel to be accepted. */
  backlog: 4096,
  /** Longest reason of a close frame: 125 bytes of a control frame less the code (RFC 6455, 5.5). */
  closeReasonBytesMax: 123,
  /** Longest channel name, in bytes: subscribe answers 107 to a longer one. */
  channelBytesMax: 255,
  /** Channels that one client may be subscribed to: error 106 beyond. Option of the push server. */
  channelsPerClientMax: 128,
  /** Commands that one client may send in a second; a page that subscribes to all its channels at once stays below. */
  commandsPerSecondMax: 1000,
  /**
   * Commands that all connections of one user to a process may send together in a second: 111 beyond. 0 for no bound,
   * since nobody but the application knows how many devices are usual. Option of the push server.
   */
  commandsPerUserPerSecondMax: 0,
  /** Largest frame of a client of the push server: 1009 beyond. */
  commandBytesMax: 65_536,
  /** Time from the WebSocket's opening to a successful connect command, after which it closes with 3502. */
  staleSecondsMax: 10,
  /**
   * Longest token: 3500 beyond. Those of identity providers that list a user's groups have up to about 8 KiB, which is
   * also what proxies let through in a header.
   */
  tokenBytesMax: 16_384,
  /** Levels to which a token's claims may nest: 3500 beyond. Honest ones have few, and JSON takes stack for each. */
  claimsDepthMax: 64,
  /** A shorter secret than its hash can be found out by whoever holds a token (RFC 7518, 3.2): it is warned of. */
  hmacSecretBytesMin: 32,
  /**
   * Tokens that need no verification when they are shown again, and for how long: a herd that comes back shows the same
   * ones. So long a key that was taken back still counts. About 1 KB each.
   */
  tokensRecentMax: 10_000,
  tokensRecentSeconds: 60,
  /**
   * Revocations of tokens that a process knows: 106 beyond, until some of them end. About 200 bytes each. And how long
   * one lasts if the back end does not say, which is longer than most tokens do.
   */
  revocationsMax: 100_000,
  revocationSeconds: 86_400,
  /** How long the keys of a JWKS are used before they are fetched again. Option of the tokens. */
  jwksSecondsMax: 3600,
  /** Time between two fetches of a JWKS, whatever for: a key that is not in it is waited for at most so long. */
  jwksPauseSeconds: 10,
  /** How long the fetch of a JWKS may take: clients wait for it, and their SDK gives up after 5 s. */
  jwksFetchSecondsMax: 4,
  /** Longest JWKS. Large providers have about 10 keys of about 2 KiB. */
  jwksBytesMax: 262_144,
  /** Key ids that are known not to be in a JWKS: their tokens are refused, and of others 100 until the next fetch. */
  jwksAbsentMax: 256,
  /**
   * All histories that a process keeps; beyond it the channels that were not published to for longest are forgotten.
   */
  historyBytesMax: 268_435_456,
  /** Publications that one read of a history gives. */
  historyReadMax: 300,
  /** How long an idempotency key is known, and how many are. */
  idempotencySeconds: 300,
  idempotencyKeysMax: 100_000,
  /** How long a client with an expired token may take to bring a new one, before it is closed (3005, 2501, 3006). */
  expiredCloseSeconds: 25,
  /**
   * Connections of one user: 3504 beyond. Option of the push server; as it stands it bounds a process, not a person.
   */
  connectionsPerUserMax: 1_000_000,
  /** Body of a request to the HTTP API: 413 beyond. Option of the push server. */
  apiBodyBytesMax: 4_194_304,
  /** Seconds between two pings of Centrifugo's protocol, and seconds in which the pong must come (3012). */
  protocolPingSeconds: 25,
  protocolPongSeconds: 8,
  /**
   * How long an application that is asked over HTTP has for its answer, and how long a question waits for its turn:
   * both together are within the 5 s after which client libraries give up. Option `secondsMax` of a proxy.
   */
  proxySecondsMax: 2,
  /** Requests that one proxy has under way at once; further ones wait. Option `concurrencyMax` of a proxy. */
  proxyConcurrencyMax: 64,
  /** Requests that wait for one proxy: 111 beyond. Option `queueMax` of a proxy. */
  proxyQueueMax: 1024,
  /** An application's answer to a proxy; the client gets 100 for a longer one. Option `answerBytesMax` of a proxy. */
  proxyAnswerBytesMax: 1_048_576,
  /** Requests in a row that found no application, upon which it is not asked for a while. Option `failuresMax`. */
  proxyFailuresMax: 10,
  /** That while: clients are answered 111 at once, and come back later each time. Option `restSeconds` of a proxy. */
  proxyRestSeconds: 1,
  /** Answers to connect requests that are kept for their next asker, with `cacheSeconds` of the connect proxy. */
  proxyCacheBytesMax: 16_777_216,
  /** A failure that happens again and again is logged once in this time, with the number of the others. */
  repeatedLogSeconds: 1,
  /** Failed connects of an address in the last one to two windows of failureGateSeconds that are answered at once. */
  failureGateFree: 5,
  failureGateSeconds: 30,
  /** The first answer that is held back, the next ones twice as long each, and the longest: less than clients wait. */
  failureGateDelayMs: 125,
  failureGateDelayMsMax: 4000,
  /** Addresses of one window whose failures are counted; when there are more, those of the last one are forgotten. */
  failureGateAddressesMax: 65_536,
  /** What `belfry subscribe` does as the client libraries do: the shortest and longest wait before it comes back. */
  reconnectMs: 500,
  reconnectMsMax: 20_000,
  /** How long it waits for a reply, and for a ping that is late, before it gives the connection up. */
  replySecondsMax: 5,
  pingLateSecondsMax: 10,
  /** The largest message that it takes: all that was missed comes in one. */
  subscribeMessageBytesMax: 67_108_864,
  /** Arrays and objects within each other in a body of the HTTP API: 400 beyond, since clients' parsers may recurse. */
  apiJsonDepthMax: 128,
  /**
   * Users, clients, sessions, epochs, idempotency keys, patterns and names of methods in the HTTP API: 107 beyond.
   * Users are interned as channels are.
   */
  apiTextBytesMax: 255,
  /** Channels of one broadcast: 107 beyond. All of them are published to in one turn of the event loop. */
  broadcastChannelsMax: 10_000,
  /** Commands of one batch: 107 beyond. Each costs about as much as a request of its own. */
  batchCommandsMax: 1000,
  /** Tags of a publication, and their names and values together: 107 beyond. Every subscriber is sent them. */
  tagsMax: 32,
  tagsBytesMax: 2048,
  /**
   * Nodes of a subscriber's filter, levels to which they nest, and its JSON: 107 beyond. It is asked for each
   * publication of its channel, and kept as long as the subscription.
   */
  tagsFilterNodesMax: 64,
  tagsFilterDepthMax: 8,
  tagsFilterBytesMax: 8192,
  /** Clients that one disconnect may spare: 107 beyond. It goes to every node. */
  whitelistMax: 1000,
  /** Connections that one call of the HTTP API lists: 107 beyond. */
  connectionsReadMax: 1000,
  /** Channels that one call of the HTTP API lists, about 4 MB of JSON: 106 beyond. */
  channelsReadMax: 100_000,
  /** How long `belfry publish` waits for an answer. Option --timeout. */
  apiAnswerSecondsMax: 10,
  /** `belfry bus`: the longest arguments of an operation, as nats-server has it; `-ERR` beyond. Option of the bus. */
  busControlLineBytesMax: 4096,
  /** The largest payload, its headers included, as nats-server has it; `-ERR` beyond. Option of the bus. */
  busPayloadBytesMax: 1_048_576,
  /** Bytes that may wait for one client of the Bus; over it it is cut as a slow consumer. Option of the bus. */
  busPendingBytesMax: 67_108_864,
  /** What a client of the Bus is written into in one piece: small, so that many are served in one call. */
  busChunkBytes: 8192,
  /** What all clients of the Bus are written into, until the end of a batch. */
  busOutputSlabBytes: 4_194_304,
  /** Subjects whose subscribers are known without a search; when there are more all are looked up anew. */
  busRoutesMax: 65_536,
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
  /** How often it looks how far the stream has come, so that a return of the Bus has little to read. */
  natsLookSeconds: 5,
  /** What the stream of all histories keeps of a channel, and for how long. Options of the bus. */
  natsHistorySizeMax: 1000,
  natsHistorySecondsMax: 86_400,
  /** How long a Bus that is away is left alone between two attempts, and as much again at random. */
  natsReconnectMs: 250,
  /** How long one attempt may take, and how often a connection is asked whether it is alive. */
  natsConnectSecondsMax: 5,
  natsPingSeconds: 10,
  /** A log of the Bus on disk that is shorter is left as it is; a longer one is when half of it is live. */
  busLogBytesMin: 16_777_216,
  /** `belfry serve --workers`: a worker that ended is started again after this, and twice as late each further time. */
  processRestartMs: 100,
  processRestartMsMax: 10_000,
  /** A worker that ran for so long is no failure: the next one is started without the delays of those before. */
  processStableSeconds: 30,
  /** npm hands on a Ctrl-C that the terminal has sent already: two signals within this time are one. */
  signalTwinMs: 300,
  /** How long a health check may take from the connect to the receipt. Option of the push server. */
  healthSecondsMax: 2,
  /** Who asks within this time gets the answer of the last check: each one is a connection and a publication. */
  healthSharedMs: 1000,
  /** How long the parent waits for what its workers know; who is later is not in the metrics, or not healthy. */
  workerAnswerMsMax: 1000,
} as const;
