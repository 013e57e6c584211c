import { type ChannelOptions, keepsHistory } from "./channels.ts";
import type { SubscriptionOverride } from "./hooks.ts";
import type { TagsFilter } from "./tags-filter.ts";

/** How a client wants to be, or is, subscribed. */
export interface SubscribeHow {
  /** Made by the server: what breaks it closes the connection, since the client cannot subscribe again by itself. */
  readonly server?: boolean;
  /** The client comes back, and stood at this position. */
  readonly recover?: { readonly offset: number; readonly epoch: string; readonly orError?: boolean } | undefined;
  readonly positioned?: boolean;
  readonly recoverable?: boolean;
  readonly joinLeave?: boolean;
  /** Which publications it wants; absent: all. */
  readonly filter?: TagsFilter | undefined;
  /** JSON text, told to others in presence and join. */
  readonly info?: string | undefined;
  /** Seconds since 1970; 0: never. */
  readonly expireAt?: number;
  readonly override?: SubscriptionOverride | undefined;
  /** JSON text for the client. */
  readonly data?: string | undefined;
  /** The result goes out as a push, in which there is no list: what was missed follows it as publications. */
  readonly isPushed?: boolean;
}

/** Whether a client gets what it missed when it comes back. */
export function isRecoverable(options: ChannelOptions, { recoverable, override }: SubscribeHow): boolean {
  if (!keepsHistory(options)) return false;
  return (override?.forceRecovery ?? options.forceRecovery) || (options.allowRecovery && (recoverable ?? false));
}

/** Whether a client is told its position, and of gaps. */
export function isPositioned(options: ChannelOptions, how: SubscribeHow): boolean {
  if (isRecoverable(options, how)) return true;
  if (!keepsHistory(options)) return false;
  const isForced = how.override?.forcePositioning ?? options.forcePositioning;
  return isForced || (options.allowPositioning && (how.positioned ?? false));
}
