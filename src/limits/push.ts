/** The notification API: clients, channels, tokens, hooks, and the HTTP API. */
export const pushLimits = {
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
  /** Over how long a drain closes its connections: with what follows well within the 30 s that Kubernetes gives. */
  drainSpreadSeconds: 10,
  /** A drain closes so many connections a second, or more: fewer are no storm, and a small server ends soon. */
  drainPerSecondMin: 100,
  /** A drain closes a share of its connections this often, and tells how many are left this often. */
  drainTickMs: 50,
  drainLogMs: 1000,
  /** How long a health check may take from the connect to the receipt. Option of the push server. */
  healthSecondsMax: 2,
  /** Who asks within this time gets the answer of the last check: each one is a connection and a publication. */
  healthSharedMs: 1000,
} as const;
