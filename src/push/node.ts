import type { Broker, History, StreamPosition } from "../bus/index.ts";
import { limits } from "../limits.ts";
import { channelFault } from "./channel-name.ts";
import { type ChannelOptions, type Channels, keepsHistory } from "./channels.ts";
import type { Control, RefreshControl, SubscribeControl } from "./control.ts";
import { channelsEverywhere, presenceEverywhere, presenceStatsEverywhere } from "./everywhere.ts";
import type {
  ApiPublishOptions,
  ClientInfo,
  ConnectionInfo,
  NodeInfo,
  Operations,
  Revoked,
  Whom,
} from "./operations.ts";
import { type Disconnect, ReplyError, replyErrors } from "./protocol.ts";
import { publishOptions, publishOptionsFor } from "./publish-options.ts";
import type { Revocations } from "./revocations.ts";
import type { Survey } from "./survey.ts";

/** What {@link Node} needs of the other parts. */
export interface NodeParts {
  readonly broker: Broker;
  readonly channels: Channels;
  readonly revocations: Revocations;
  readonly survey: Survey;
  readonly control: Pick<Control, "tell">;
  /** A method that back ends may call; undefined when there is none. */
  readonly rpc: ((method: string, params: unknown) => unknown) | undefined;
}

/** What back ends may do with the channels, and the clients on all nodes. */
export class Node implements Operations {
  readonly #parts: NodeParts;

  constructor(parts: NodeParts) {
    this.#parts = parts;
  }

  async publish(channel: string, data: string, options: ApiPublishOptions): Promise<StreamPosition> {
    return await this.#parts.broker.publish(channel, data, publishOptions(this.#optionsOf(channel), options));
  }

  async broadcast(
    channels: readonly string[],
    data: string,
    options: ApiPublishOptions,
  ): Promise<(StreamPosition | Error)[]> {
    const { broker } = this.#parts;
    const all = channels.map((channel) =>
      channelFault(channel) ? undefined : this.#parts.channels.optionsOf(channel),
    );
    if (!all.includes(undefined)) {
      const how = publishOptionsFor(options);
      return await broker.broadcast(channels, data, (_, i) => how(all[i] as ChannelOptions));
    }
    // Seldom: each for itself, so that the others are published to.
    return await Promise.all(
      channels.map((channel) => this.publish(channel, data, options).catch((error: Error) => error)),
    );
  }

  async subscribe(whom: Whom, channel: string, how: SubscribeControl): Promise<void> {
    this.#optionsOf(channel);
    await this.#parts.control.tell({ op: "subscribe", whom, channel, how });
  }
  async unsubscribe(whom: Whom, channel: string): Promise<void> {
    this.#optionsOf(channel);
    await this.#parts.control.tell({ op: "unsubscribe", whom, channel });
  }
  async disconnect(whom: Whom, how: Disconnect, whitelist: readonly string[]): Promise<void> {
    await this.#parts.control.tell({ op: "disconnect", whom, how, whitelist });
  }
  async refresh(whom: Whom, how: RefreshControl): Promise<void> {
    await this.#parts.control.tell({ op: "refresh", whom, how });
  }

  async revoke(what: Revoked, expireAt: number): Promise<void> {
    if (this.#parts.revocations.isFull) {
      const many = `revocationsMax is ${limits.revocationsMax}; choose a sooner expire_at`;
      throw new ReplyError(106, `${replyErrors[106]}: ${many}`);
    }
    await this.#parts.control.tell({ op: "revoke", what, at: Math.floor(Date.now() / 1000), expireAt });
  }

  async presence(channel: string): Promise<readonly ClientInfo[]> {
    if (!this.#optionsOf(channel).presence) throw new ReplyError(108);
    return await presenceEverywhere(this.#parts.survey, channel);
  }
  async presenceStats(channel: string): Promise<{ clients: number; users: number }> {
    if (!this.#optionsOf(channel).presence) throw new ReplyError(108);
    return await presenceStatsEverywhere(this.#parts.survey, channel);
  }

  async history(channel: string, query: Parameters<Operations["history"]>[1]): Promise<History> {
    const options = this.#optionsOf(channel);
    if (!keepsHistory(options)) throw new ReplyError(108);
    const { since, limit, reverse } = query;
    const history = await this.#parts.broker.history(channel, { since: since?.offset, limit, reverse });
    if (since && since.epoch !== "" && since.epoch !== history.epoch) throw new ReplyError(112);
    return history;
  }
  async removeHistory(channel: string): Promise<void> {
    if (!keepsHistory(this.#optionsOf(channel))) throw new ReplyError(108);
    await this.#parts.broker.removeHistory(channel);
  }

  async channels(pattern: string): Promise<ReadonlyMap<string, number>> {
    return await channelsEverywhere(this.#parts.survey, pattern);
  }
  async info(): Promise<readonly NodeInfo[]> {
    return await this.#parts.survey.ask("info", {});
  }
  async connections(filter: { user?: string; limit: number }): Promise<readonly ConnectionInfo[]> {
    return (await this.#parts.survey.ask("connections", filter)).flat().slice(0, filter.limit);
  }

  async rpc(method: string, params: unknown): Promise<unknown> {
    if (!this.#parts.rpc) throw new ReplyError(104);
    return await this.#parts.rpc(method, params);
  }

  #optionsOf(channel: string): ChannelOptions {
    const fault = channelFault(channel);
    if (fault !== undefined) throw new ReplyError(107, `bad request: ${fault}`);
    const options = this.#parts.channels.optionsOf(channel);
    if (!options) throw new ReplyError(102);
    return options;
  }
}
