import picomatch from "picomatch";
import type { Clients } from "./clients.ts";
import type { Exits } from "./exits.ts";
import type { Hub } from "./hub.ts";
import type { Identities } from "./identities.ts";
import type { ClientInfo, ConnectionInfo, NodeInfo } from "./operations.ts";
import type { Question, Questions } from "./questions.ts";
import type { RevocationRow, Revocations } from "./revocations.ts";
import type { Subscriptions } from "./subscriptions.ts";

/** What {@link Answers} needs of the other parts. */
export interface AnswersParts {
  readonly hub: Hub;
  readonly clients: Clients;
  readonly identities: Identities;
  readonly exits: Exits;
  readonly subscriptions: Subscriptions;
  readonly revocations: Revocations;
  readonly remoteAddress: (fd: number) => string;
  readonly node: string;
  readonly name: string;
  readonly version: string;
}

/** What this node answers for itself. */
export class Answers implements Questions {
  readonly #parts: AnswersParts;
  readonly #startedMs = Date.now();

  constructor(parts: AnswersParts) {
    this.#parts = parts;
  }

  presence({ channel }: Question<"presence">): readonly ClientInfo[] {
    return this.#parts.subscriptions.presence(channel);
  }

  presenceStats({ channel }: Question<"presenceStats">): { clients: number; users: readonly string[] } {
    const all = this.presence({ channel });
    return { clients: all.length, users: [...new Set(all.map(({ user }) => user))] };
  }

  channels({ pattern, max }: Question<"channels">): [string, number][] | number {
    const isWanted = pattern === "" ? () => true : picomatch(pattern, { dot: true, bash: true });
    const found: [string, number][] = [];
    let count = 0;
    for (const row of this.#parts.hub.names()) {
      if (isWanted(row[0]) && ++count <= max) found.push(row);
    }
    return count > max ? count : found;
  }

  info(): NodeInfo {
    const { clients, identities, hub, name, version, node } = this.#parts;
    return {
      uid: node,
      name,
      version,
      clients: clients.connected,
      users: identities.users,
      subscriptions: hub.subscriptions,
      channels: hub.channels,
      uptimeSeconds: Math.floor((Date.now() - this.#startedMs) / 1000),
    };
  }

  connections({ user = "", limit }: Question<"connections">): ConnectionInfo[] {
    const { clients, identities } = this.#parts;
    if (user !== "")
      return identities
        .descriptorsOf(user)
        .slice(0, limit)
        .map((fd) => this.#connection(fd));
    const found: ConnectionInfo[] = [];
    clients.each((fd) => {
      if (found.length < limit) found.push(this.#connection(fd));
    });
    return found;
  }

  revocations({ part }: Question<"revocations">): readonly RevocationRow[] | undefined {
    const { revocations } = this.#parts;
    return revocations.isWhole ? revocations.rows(part) : undefined;
  }

  #connection(fd: number): ConnectionInfo {
    const { clients, identities, hub, exits, remoteAddress } = this.#parts;
    const channels: string[] = [];
    for (let s = hub.firstOwn(fd); s >= 0; s = hub.nextOwn(s)) channels.push(hub.nameOf(s));
    const [client, user] = [clients.idOf(fd), identities.userOf(fd)];
    const transport = exits.of(fd)?.transport ?? "websocket";
    return { client, user, transport, channels, remoteAddress: remoteAddress(fd) };
  }
}
