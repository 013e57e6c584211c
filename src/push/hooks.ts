/** What the application decides, as functions of its own or through HTTP; PROTOCOL.md, "Hooks". */

/** An error that the client is answered; codes 100–113 are the protocol's, 400–1999 the application's. */
export interface HookError {
  readonly error: { readonly code: number; readonly message: string; readonly temporary?: boolean };
}

/** Closes the client's connection; codes 4000–4999 are the application's. */
export interface HookDisconnect {
  readonly disconnect: { readonly code: number; readonly reason: string };
}

/** Who asks. */
export interface HookClient {
  /** The client's id; of its connection, not of its user. */
  readonly client: string;
  readonly user: string;
  readonly transport: "websocket" | "sse" | "http_stream" | "uni_sse";
  /** What the connect hook or token gave as `meta`. */
  readonly meta?: unknown;
}

/** A client wants to connect without a token. */
export interface ConnectRequest {
  readonly client: string;
  readonly transport: HookClient["transport"];
  /** The client library's name and version, as it tells them. */
  readonly name: string;
  readonly version: string;
  /** The data of the connect command. */
  readonly data: unknown;
  /** A header of the upgrade request, Cookie say, or one that the client sent in its connect command. */
  readonly header: (name: string) => string | undefined;
  readonly remoteAddress: string;
}

/** A subscription that a server makes for a client. */
export interface ServerSubscription {
  /** Seconds since 1970; 0 or absent: it does not expire. */
  readonly expireAt?: number;
  readonly info?: unknown;
  readonly data?: unknown;
  readonly override?: SubscriptionOverride;
}

/** What one subscription has otherwise than its channel. */
export interface SubscriptionOverride {
  readonly presence?: boolean;
  readonly joinLeave?: boolean;
  readonly forcePushJoinLeave?: boolean;
  readonly forcePositioning?: boolean;
  readonly forceRecovery?: boolean;
}

/** Who the client is. */
export interface Credentials {
  /** "" is the anonymous user. */
  readonly user: string;
  /** Seconds since 1970; 0 or absent: the connection does not expire. */
  readonly expireAt?: number;
  /** Told to others in presence and join. */
  readonly info?: unknown;
  /** Told to the client in the connect result. */
  readonly data?: unknown;
  /** Channels that the client is subscribed to by the server. */
  readonly channels?: readonly string[];
  readonly subs?: Readonly<Record<string, ServerSubscription>>;
  /** Kept with the connection, for the other hooks; never told to anybody. */
  readonly meta?: unknown;
}

/** A client wants to subscribe to a channel. */
export interface SubscribeRequest extends HookClient {
  readonly channel: string;
  readonly token: string;
  readonly data: unknown;
}

/** Lets a client subscribe. */
export interface SubscribeGrant extends ServerSubscription {}

/** A client wants to publish. */
export interface PublishRequest extends HookClient {
  readonly channel: string;
  readonly data: unknown;
}

/** Lets a client publish, other data if there is some; `skipHistory` publishes without adding to the history. */
export interface PublishGrant {
  readonly data?: unknown;
  readonly skipHistory?: boolean;
}

/** A client calls a method of the application. */
export interface RpcRequest extends HookClient {
  readonly method: string;
  readonly data: unknown;
}

/** The method's answer. */
export interface RpcReply {
  readonly data?: unknown;
}

/** A connection is about to expire. */
export interface RefreshRequest extends HookClient {}

/** Whether it may go on, and until when. */
export interface RefreshReply {
  readonly expired?: boolean;
  readonly expireAt?: number;
  readonly info?: unknown;
}

/** A subscription is about to expire. */
export interface SubRefreshRequest extends HookClient {
  readonly channel: string;
}

/** What a hook may answer, now or later: an object in any case. */
export type HookAnswer<Reply> = Promise<Reply | HookError | HookDisconnect> | Reply | HookError | HookDisconnect;

/**
 * The application's callbacks; each may be absent. One that throws, rejects, or answers what is no object, is answered
 * 100 (temporary), and logged.
 */
export interface Hooks {
  connect?(request: ConnectRequest): HookAnswer<Credentials>;
  subscribe?(request: SubscribeRequest): HookAnswer<SubscribeGrant>;
  publish?(request: PublishRequest): HookAnswer<PublishGrant>;
  rpc?(request: RpcRequest): HookAnswer<RpcReply>;
  refresh?(request: RefreshRequest): HookAnswer<RefreshReply>;
  subRefresh?(request: SubRefreshRequest): HookAnswer<RefreshReply>;
  /** The first subscriber of a channel has come to this node, or the last one has gone. */
  channelState?(channel: string, occupied: boolean): void;
}
