import type { Broker } from "../bus/index.ts";
import type { Maybe } from "./chain.ts";
import type { Channels } from "./channels.ts";
import type { Clients } from "./clients.ts";
import type { Exits } from "./exits.ts";
import type { Expiries } from "./expiries.ts";
import type { Gates } from "./gates/gates.ts";
import type { HookClient, HookDisconnect, HookError, Hooks, ServerSubscription } from "./hooks.ts";
import type { Hub } from "./hub.ts";
import type { Identities } from "./identities.ts";
import { DisconnectError, type Fields, ReplyError } from "./protocol.ts";
import type { Revocations } from "./revocations.ts";
import type { Subscriptions } from "./subscriptions.ts";
import type { ConnectionToken } from "./tokens/claims.ts";
import type { UpgradeHeaders } from "./upgrade-headers.ts";

/** Verifies tokens: see tokens.ts. */
export interface TokenVerifier {
  readonly enabled: boolean;
  /** Throws ReplyError 109 for an expired token, DisconnectError 3500 for an invalid one. */
  connection(token: string): Maybe<ConnectionToken>;
  subscription(token: string, expected: { user: string; channel: string }): Maybe<ServerSubscription>;
}

/** What commands may use. */
export interface CommandParts extends Gates {
  readonly clients: Clients;
  readonly identities: Identities;
  readonly expiries: Expiries;
  readonly hub: Hub;
  readonly channels: Channels;
  readonly subscriptions: Subscriptions;
  readonly broker: Broker;
  readonly hooks: Hooks;
  readonly tokens: TokenVerifier;
  readonly revocations: Revocations;
  readonly headers: UpgradeHeaders;
  readonly exits: Exits;
  /** The name of this process among all: commands of an emulated transport come back to it. */
  readonly node: string;
  /** Whether a connect without a token is let in. */
  readonly allowAnonymous: boolean;
  /** The application's own permission to subscribe, beside that of the namespaces. */
  readonly allowSubscribe: (channel: string) => boolean;
  readonly channelsPerClientMax: number;
  readonly connectionsPerUserMax: number;
  readonly remoteAddress: (fd: number) => string;
  /** In seconds since 1970. */
  readonly now: () => number;
}

/** The result of a command as JSON text, and the pushes that follow its reply. */
export interface Reply {
  readonly result: string;
  readonly pushes?: readonly string[];
}

/**
 * Carries out one command of the client on descriptor `fd`; throws ReplyError or DisconnectError. Undefined: the client
 * has gone meanwhile.
 */
export type Command = (parts: CommandParts, fd: number, fields: Fields) => Maybe<Reply | undefined>;

/** The reply without content. */
export const DONE: Reply = { result: "{}" };

/** Who asks, for a hook. */
export function hookClient({ clients, identities, exits }: CommandParts, fd: number): HookClient {
  const { meta } = identities.identityOf(fd);
  const transport: HookClient["transport"] = exits.of(fd)?.transport ?? "websocket";
  const client = { client: clients.idOf(fd), user: identities.userOf(fd), transport };
  return meta === undefined ? client : { ...client, meta };
}

/** A hook's answer, or what it throws for the client. A hook that fails is a temporary error. */
export async function asked<Answer>(
  answer: Promise<Answer | HookError | HookDisconnect> | Answer | HookError | HookDisconnect,
): Promise<Exclude<Answer, HookError | HookDisconnect>> {
  const settled: unknown = await answer;
  if (typeof settled === "object" && settled !== null) {
    if ("error" in settled) {
      const { code, message, temporary } = (settled as HookError).error;
      throw new ReplyError(code, message, temporary ?? false);
    }
    if ("disconnect" in settled) throw new DisconnectError((settled as HookDisconnect).disconnect);
  }
  return (settled ?? {}) as Exclude<Answer, HookError | HookDisconnect>;
}

/** A value of the application's as JSON text; undefined when there is none. */
export function jsonText(value: unknown): string | undefined {
  return value === undefined ? undefined : JSON.stringify(value);
}
