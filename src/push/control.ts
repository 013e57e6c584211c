import type { Broker, StreamPosition } from "../bus/index.ts";
import type { Log } from "../log.ts";
import { chain } from "./chain.ts";
import type { Channels } from "./channels.ts";
import type { Clients } from "./clients.ts";
import { serverSide } from "./command.ts";
import type { Exits } from "./exits.ts";
import type { Expiries } from "./expiries.ts";
import type { ServerSubscription } from "./hooks.ts";
import type { Hub } from "./hub.ts";
import type { Identities } from "./identities.ts";
import type { Nodes, NodeWord } from "./nodes.ts";
import type { Revoked, Whom } from "./operations.ts";
import { parsedObject } from "./parsed-object.ts";
import { type Disconnect, disconnects, encodePush, unsubscribes } from "./protocol.ts";
import { REVOCATION_PARTS, type RevocationRow, type Revocations } from "./revocations.ts";
import type { Subscriptions } from "./subscriptions.ts";
import type { Survey } from "./survey.ts";

/** What {@link Control} needs of the other parts. */
export interface ControlParts {
  readonly broker: Broker;
  readonly hub: Hub;
  readonly channels: Channels;
  readonly clients: Clients;
  readonly identities: Identities;
  readonly expiries: Expiries;
  readonly exits: Exits;
  readonly revocations: Revocations;
  readonly subscriptions: Subscriptions;
  readonly nodes: Nodes;
  readonly survey: Survey;
  readonly text: (fd: number, text: string) => void;
  readonly disconnect: (fd: number, how: Disconnect) => void;
  readonly log: Log;
}

/** What a node tells all nodes: it is carried out wherever a connection of these is. */
export type ControlWord =
  | { op: "disconnect"; whom: Whom; how: Disconnect; whitelist: readonly string[] }
  | { op: "unsubscribe"; whom: Whom; channel: string }
  | { op: "subscribe"; whom: Whom; channel: string; how: SubscribeControl }
  | { op: "refresh"; whom: Whom; how: RefreshControl }
  | RevokeControl
  | NodeWord;

/** `at` is when it was said, and `expireAt` until when it holds, in seconds since 1970. */
interface RevokeControl {
  readonly op: "revoke";
  readonly what: Revoked;
  readonly at: number;
  readonly expireAt: number;
}

/** A subscription that back ends want; `since` recovers from there. */
export type SubscribeControl = ServerSubscription & { readonly since?: StreamPosition | undefined };
/** What is to become of a connection's expiry. */
export interface RefreshControl {
  readonly expired?: boolean;
  readonly expireAt?: number;
  readonly info?: unknown;
}

/** What nodes tell one another, and its carrying out here. */
export class Control {
  readonly #parts: ControlParts;

  constructor(parts: ControlParts) {
    this.#parts = parts;
  }

  /** Tells all nodes, this one included; resolves when the Bus has it. */
  tell(word: ControlWord): Promise<void> {
    return this.#parts.broker.control(JSON.stringify(word));
  }

  /** A message of a node, itself maybe, to all. */
  take(message: string): void {
    const word = parsedObject(message) as ControlWord | undefined;
    // What is none of these is of a newer version.
    switch (word?.op) {
      case "alive":
      case "gone":
        return this.#parts.nodes.heard(word);
      case "revoke":
        return this.#revoke(word);
      case "disconnect":
        return this.#each(word.whom, (fd) => this.#drop(fd, word.how, word.whitelist));
      case "unsubscribe":
        return this.#each(word.whom, (fd) => this.#parts.subscriptions.end(fd, word.channel, unsubscribes.SERVER));
      case "refresh":
        return this.#each(word.whom, (fd) => this.#refresh(fd, word.how));
      case "subscribe":
        return this.#each(word.whom, (fd) => void this.#subscribe(fd, word.channel, word.how));
    }
  }

  /**
   * Learns from the other nodes what they were told while this one was not there: which tokens are revoked. Resolves
   * when they have answered, or surveyMsMax is over.
   */
  async learn(): Promise<void> {
    const { survey, revocations, log } = this.#parts;
    try {
      for (let part = 0; part < REVOCATION_PARTS; part++) {
        const answers = await survey.askOthers("revocations", { part }, 1);
        if (answers.length === 0) break;
        for (const rows of answers) this.#learn(rows);
      }
    } catch (error) {
      log.warn(`what other nodes have revoked is not known here: ${error instanceof Error ? error.message : error}`);
    }
    revocations.isWhole = true;
  }

  #learn(rows: readonly RevocationRow[]): void {
    const { revocations, identities, disconnect } = this.#parts;
    const { tokenIds, users } = revocations.learn(rows);
    for (const id of tokenIds) {
      for (const fd of identities.descriptorsOfToken(id)) disconnect(fd, disconnects.INVALID_TOKEN);
    }
    // Their tokens may be newer than the revocation: whose is not is refused when it comes back.
    for (const user of users) {
      for (const fd of identities.descriptorsOf(user)) disconnect(fd, disconnects.CONNECTION_EXPIRED);
    }
  }

  #each(whom: Whom, visit: (fd: number) => void): void {
    for (const fd of this.#descriptorsOf(whom)) visit(fd);
  }

  #descriptorsOf({ user, client, session }: Whom): number[] {
    const { clients, identities, exits } = this.#parts;
    if (session !== undefined && session !== "") {
      const fd = exits.find(session);
      return fd >= 0 && (user === "" || identities.userOf(fd) === user) ? [fd] : [];
    }
    if (client === undefined || client === "") return identities.descriptorsOf(user);
    const fd = clients.find(client);
    return fd >= 0 && (user === "" || identities.userOf(fd) === user) ? [fd] : [];
  }

  #drop(fd: number, how: Disconnect, whitelist: readonly string[]): void {
    const { clients, disconnect } = this.#parts;
    if (!whitelist.includes(clients.idOf(fd))) disconnect(fd, how);
  }

  #refresh(fd: number, { expired = false, expireAt = 0, info }: RefreshControl): void {
    const { disconnect, expiries, identities } = this.#parts;
    if (expired) return disconnect(fd, disconnects.CONNECTION_EXPIRED);
    expiries.set(fd, Math.ceil(expireAt));
    if (info !== undefined) identities.setInfo(fd, JSON.stringify(info));
  }

  #revoke({ what, at, expireAt }: RevokeControl): void {
    const { identities, revocations, disconnect } = this.#parts;
    const { user = "", tokenId } = what;
    if (tokenId !== undefined) revocations.revokeToken(tokenId, expireAt);
    else if (user !== "") revocations.revokeUser(user, at, expireAt);
    const fds = tokenId === undefined ? this.#descriptorsOf({ ...what, user }) : identities.descriptorsOfToken(tokenId);
    for (const fd of fds) {
      // Only who has the connection knows its token, which is to be refused everywhere.
      const own = user === "" && tokenId === undefined ? identities.tokenIdOf(fd) : undefined;
      if (own === undefined) disconnect(fd, disconnects.INVALID_TOKEN);
      else void this.tell({ op: "revoke", what: { tokenId: own }, at, expireAt }).catch(() => {});
    }
  }

  async #subscribe(fd: number, channel: string, how: SubscribeControl): Promise<void> {
    const { channels, clients, hub, subscriptions, text, disconnect } = this.#parts;
    const options = channels.optionsOf(channel);
    if (!options || hub.isSubscribed(fd, channel)) return;
    const generation = clients.generationOf(fd);
    const wanted = { ...serverSide(how), recover: how.since, isPushed: true };
    try {
      // What is there at once is told at once: nothing that is published may come before it.
      await chain(subscriptions.add(fd, channel, options, wanted), (made) => {
        if (made) text(fd, [encodePush(channel, "subscribe", made.result), ...made.pushes].join("\n"));
      });
    } catch {
      if (clients.generationOf(fd) === generation) disconnect(fd, disconnects.INSUFFICIENT_STATE);
    }
  }
}
