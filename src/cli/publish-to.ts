import * as v from "valibot";
import { connectNats } from "../bus/index.ts";
import { limits } from "../limits.ts";
import type { ToPublish } from "../load/index.ts";
import { ApiTrouble, callApi } from "./api-client.ts";

/** Where to publish. */
export interface PublishTarget {
  publishTo?: URL;
  apiKey?: string;
}

const batchResult = v.object({
  replies: v.array(v.looseObject({ error: v.optional(v.object({ message: v.string() })) })),
});

/** A way to publish. */
export interface PublishWay {
  /** Resolves with how many were accepted. */
  readonly publish: (all: readonly ToPublish[]) => Promise<number>;
  readonly close: () => Promise<void>;
}

/** Opens the way to the HTTP API of a server, or to its Bus (nats:, tls:), and rejects when that is not there. */
export async function openPublish(to: URL, { apiKey }: PublishTarget): Promise<PublishWay> {
  if (to.protocol.startsWith("http")) {
    const api = new URL(to);
    // Whoever gives the API's own address means the same.
    api.pathname = api.pathname.replace(/\/api\/?$/, "/");
    const address = { api, apiKey, timeoutSeconds: limits.apiAnswerSecondsMax };
    return {
      publish: async (all) => {
        const commands = all.map(({ channel, json }) => ({ publish: { channel, data: JSON.parse(json) as unknown } }));
        const { replies } = v.parse(batchResult, await callApi(address, "batch", { commands, parallel: true }));
        const refused = replies.find(({ error }) => error);
        if (refused) throw new ApiTrouble(`refused: ${refused.error?.message}`);
        return all.length;
      },
      close: async () => {},
    };
  }
  const log = { info() {}, warn() {}, error() {} };
  const broker = await connectNats({ url: to.href, log });
  return {
    publish: async (all) => (await Promise.all(all.map(({ channel, json }) => broker.publish(channel, json)))).length,
    close: () => broker.close(),
  };
}
