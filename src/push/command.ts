import type { Broker } from "../bus/index.ts";
import type { Maybe } from "./chain.ts";
import type { Channels } from "./channels.ts";
import type { Clients } from "./clients.ts";
import type { Exits } from "./exits.ts";
import type { Expiries } from "./expiries.ts";
import type { Gates } from "./gates/gates.ts";
import type { HookAnswer, HookClient, HookDisconnect, HookError, Hooks, ServerSubscription } from "./hooks.ts";
import type { Hub } from "./hub.ts";
import type { Identities } from "./identities.ts";
import { DisconnectError, type Fields, isObject, ReplyError } from "./protocol.ts";
import type { Revocations } from "./revocations.ts";
import type { SubscribeHow } from "./subscribe-how.ts";
import type { Subscriptions } from "./subscriptions.ts";
import type { Survey } from "./survey.ts";
import type { ConnectionToken } from "./tokens/claims.ts";
import type { UpgradeHeaders } from "./upgrade-headers.ts";
import type { PushCounts } from "./vitals/counts.ts";

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
  /** Asks all nodes. */
  readonly survey: Survey;
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
  readonly counts: PushCounts;
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

/** A hook's answer, or what it throws for the client. What is no object is no answer: only an object permits. */
export async function asked<Answer>(
  answer: HookAnswer<Answer> | undefined,
): Promise<Exclude<Answer, HookError | HookDisconnect>> {
  const settled: unknown = await answer;
  if (!isObject(settled)) throw new TypeError(`a hook answered ${String(settled)}, and not an object`);
  if ("error" in settled) {
    const { code, message, temporary } = (settled as unknown as HookError).error;
    throw new ReplyError(code, message, temporary);
  }
  if ("disconnect" in settled) throw new DisconnectError((settled as unknown as HookDisconnect).disconnect);
  return settled as Exclude<Answer, HookError | HookDisconnect>;
}

/** How to make a subscription that the server wants: positions are kept wherever the channel allows it. */
export function serverSide({ info, data, expireAt = 0, override }: ServerSubscription): SubscribeHow {
  const texts = { info: jsonText(info), data: jsonText(data) };
  return { server: true, recoverable: true, positioned: true, ...texts, expireAt, override };
}

/** A value of the application's as JSON text; undefined when there is none. */
export function jsonText(value: unknown): string | undefined {
  return value === undefined ? undefined : JSON.stringify(value);
}
