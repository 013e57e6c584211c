/** A place in a channel's stream: the offset of a publication, and the epoch of the stream that counted it. */
export interface StreamPosition {
  /** 0 is the place before the first publication. */
  readonly offset: number;
  /** Says which stream it is: offsets of different epochs have nothing to do with each other. */
  readonly epoch: string;
}

/** One event in a channel, as the Bus carries it. */
export interface Publication {
  readonly channel: string;
  /** The application's data: one JSON text, without a raw line feed. */
  readonly data: string;
  /** 0 when the channel has no history. */
  readonly offset: number;
  /**
   * The offset of the publication before it in its channel, 0 for none: offsets need not be consecutive. Who stands at
   * `position` has missed nothing if `previous <= position < offset`.
   */
  readonly previous: number;
  /** The epoch of its stream, "" when the channel has no history. */
  readonly epoch: string;
  readonly tags?: Readonly<Record<string, string>> | undefined;
  /** The client that published it, as the JSON text of a ClientInfo; absent when a back end did. */
  readonly info?: string | undefined;
}

/** How much of a channel the Bus keeps. */
export interface HistoryOptions {
  /** Publications. */
  readonly size: number;
  /** How long a publication is kept. */
  readonly seconds: number;
}

/** What a publication is besides its data. */
export interface PublishOptions {
  /** Adds it to the channel's history, which gives it an offset; without it the publication is delivered only. */
  readonly history?: HistoryOptions | undefined;
  readonly tags?: Readonly<Record<string, string>> | undefined;
  readonly info?: string | undefined;
  /**
   * A second publication with the same key within idempotencySeconds is not made; the first one's position is told.
   * Without history only the broker that took the first one is sure to know it.
   */
  readonly idempotencyKey?: string | undefined;
  /**
   * A publication whose version is not above that of the channel's last one, in the same `versionEpoch`, is dropped.
   */
  readonly version?: number | undefined;
  readonly versionEpoch?: string | undefined;
}

/** What to read of a channel's history. */
export interface HistoryQuery {
  /** Only what stands behind this offset; with `reverse` only what stands before it. */
  readonly since?: number | undefined;
  /** Most publications to read; 0 reads the position alone. */
  readonly limit: number;
  /** From the newest to the oldest. */
  readonly reverse?: boolean | undefined;
}

/** What was read, and where the stream's end is now. */
export interface History extends StreamPosition {
  readonly publications: readonly Publication[];
}

/** Somebody has come to a channel or gone; `info` is the JSON text of a ClientInfo. */
export interface ChannelEvent {
  readonly channel: string;
  readonly type: "join" | "leave";
  readonly info: string;
}

/** What is delivered; each must not throw. */
export interface BrokerListener {
  publication(publication: Publication): void;
  event(event: ChannelEvent): void;
  /** A message of a node to all nodes, itself included: one JSON text. */
  control(message: string): void;
  /** Publications may have been missed, and it cannot be known which: no position in a history holds any more. */
  missed(): void;
  /** Somebody, maybe itself, asks all: an answer, or undefined for none. */
  asked?(question: string): string | undefined;
  /** The Bus was away and is back: what nodes said to all meanwhile has not come. */
  back?(): void;
}

/**
 * The Bus, from the side of those who use it: the Storage publishes, the notification API subscribes. Which Bus it is,
 * in the process or beyond it, is the choice of whoever makes it.
 */
export interface Broker {
  /**
   * Hands a publication to the Bus; resolves with its position when the Bus has taken it (offset 0 and epoch "" without
   * history), rejects when it could not.
   */
  publish(channel: string, data: string, options?: PublishOptions): Promise<StreamPosition>;
  /**
   * The same data to many channels, at the cost of one call; `optionsOf` says how for each channel. Resolves with what
   * became of each, in their order: its position, or the error.
   */
  broadcast(
    channels: readonly string[],
    data: string,
    optionsOf?: (channel: string, index: number) => PublishOptions | undefined,
  ): Promise<(StreamPosition | Error)[]>;
  /** Reads a channel's history, oldest first unless it is asked for in reverse; at once where it is in the process. */
  history(channel: string, query: HistoryQuery): History | Promise<History>;
  /** Forgets a channel's publications; its position stays. */
  removeHistory(channel: string): Promise<void>;
  /** Tells the channel's subscribers who came or went. */
  announce(event: ChannelEvent): Promise<void>;
  /** Tells all nodes. */
  control(message: string): Promise<void>;
  /**
   * Asks all who listen anywhere on the Bus. Each answer goes to `take`, which must not throw, until that returns true,
   * or surveyMsMax is over. Undefined when that is done already, within one process. Rejects with BELFRY_LIMIT when
   * somebody's answer is larger than surveyAnswerBytesMax, and when nobody can be asked.
   */
  ask(question: string, take: (answer: string) => boolean): Promise<void> | undefined;
  /**
   * How far all histories together have come: while it is the same nothing was published. Undefined when nobody needs
   * to look after what is lost, because nothing can be, or because the broker does.
   */
  progress(): Promise<string | undefined>;
  /**
   * Says that publications and events of the channel are wanted here. A Bus may deliver channels that nobody asked for
   * (a wildcard costs less than millions of subscriptions): the listener must bear them.
   */
  subscribe(channel: string): void;
  unsubscribe(channel: string): void;
  /** Adds a listener for everything that is delivered here, in the order of each channel. Returns what removes it. */
  listen(listener: BrokerListener): () => void;
  /** Ends the broker; what was published before has been delivered or handed on. */
  close(): Promise<void>;
}
