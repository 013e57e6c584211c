import type { History, HistoryQuery, PublishOptions, StreamPosition } from "../bus/index.ts";
import type { ServerSubscription } from "./hooks.ts";

/** Which connections an operation is for: all of a user, or of these one client or session. */
export interface Whom {
  readonly user: string;
  readonly client?: string | undefined;
  readonly session?: string | undefined;
}

/** What is revoked: one of these. */
export interface Revoked {
  readonly user?: string;
  readonly client?: string;
  readonly session?: string;
  /** A token's claim `jti`. */
  readonly tokenId?: string;
}

/** Who is in a channel, for presence. */
export interface ClientInfo {
  readonly client: string;
  readonly user: string;
  /** JSON text. */
  readonly connInfo?: string | undefined;
  /** JSON text. */
  readonly chanInfo?: string | undefined;
}

/** One connection, for the connections API. */
export interface ConnectionInfo {
  readonly client: string;
  readonly user: string;
  readonly transport: string;
  readonly channels: readonly string[];
  readonly remoteAddress: string;
}

/** One node, for `info`. */
export interface NodeInfo {
  readonly uid: string;
  readonly name: string;
  readonly version: string;
  readonly clients: number;
  readonly users: number;
  readonly subscriptions: number;
  readonly channels: number;
  readonly uptimeSeconds: number;
}

/** How a back end's publication differs from its channel's ways. */
export interface ApiPublishOptions extends Omit<PublishOptions, "history" | "info"> {
  readonly skipHistory?: boolean | undefined;
}

/**
 * What back ends may do, without the HTTP around it. An operation that the protocol refuses rejects with ReplyError:
 * 102 for an unknown namespace, 107 for a malformed channel, 108 for what the channel does not offer.
 */
export interface Operations {
  publish(channel: string, data: string, options: ApiPublishOptions): Promise<StreamPosition>;
  broadcast(channels: readonly string[], data: string, options: ApiPublishOptions): Promise<(StreamPosition | Error)[]>;
  /** Subscribes a user's connections; `since` recovers from there. */
  subscribe(
    whom: Whom,
    channel: string,
    how: ServerSubscription & { readonly since?: StreamPosition | undefined },
  ): Promise<void>;
  unsubscribe(whom: Whom, channel: string): Promise<void>;
  /** Closes a user's connections but those whose client ids are in `whitelist`. */
  disconnect(
    whom: Whom,
    how: { readonly code: number; readonly reason: string },
    whitelist: readonly string[],
  ): Promise<void>;
  /** Sets a new expiry for a user's connections, or ends them as expired. */
  refresh(
    whom: Whom,
    how: { readonly expired?: boolean; readonly expireAt?: number; readonly info?: unknown },
  ): Promise<void>;
  /**
   * Closes connections as those of an invalid token, and refuses their tokens until `expireAt`, in seconds since 1970.
   * Rejects with 106 when there are too many revocations.
   */
  revoke(what: Revoked, expireAt: number): Promise<void>;
  presence(channel: string): Promise<readonly ClientInfo[]>;
  presenceStats(channel: string): Promise<{ readonly clients: number; readonly users: number }>;
  /** `since` of another epoch than the stream's is 112. */
  history(
    channel: string,
    query: Omit<HistoryQuery, "since"> & { readonly since?: StreamPosition | undefined },
  ): Promise<History>;
  removeHistory(channel: string): Promise<void>;
  /** Channels with subscribers whose names match a glob (`*`, `?`, `[a-z]`, `{a,b}`), "" for all, with their number. */
  channels(pattern: string): Promise<ReadonlyMap<string, number>>;
  info(): Promise<readonly NodeInfo[]>;
  /** Calls a method that the application has registered for back ends; 104 when there is none. Data is JSON text. */
  rpc(method: string, params: unknown): Promise<unknown>;
  connections(filter: { readonly user?: string; readonly limit: number }): Promise<readonly ConnectionInfo[]>;
}
