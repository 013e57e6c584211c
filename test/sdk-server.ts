import assert from "node:assert/strict";
import { createPushServer, type PushOptions, type PushServer } from "../src/push/index.ts";
import { SECRET } from "./sdk-client.ts";

const KEY = "a key of the API";

const everything = {
  presence: true,
  joinLeave: true,
  historySize: 10,
  historySeconds: 60,
  allowRecovery: true,
  allowSubscribeForClient: true,
  allowPublishForClient: true,
  allowHistoryForClient: true,
  allowPresenceForClient: true,
};
const usual: PushOptions = {
  apiKey: KEY,
  tokens: { hmacSecret: SECRET },
  channels: {
    withoutNamespace: everything,
    namespaces: { closed: {}, bare: { allowSubscribeForClient: true, allowPublishForClient: true } },
  },
};

/** A server with all that the SDK can ask for, on a port of this machine, and how its HTTP API is called. */
export async function listen(more: PushOptions = {}, port = 0): Promise<Listening> {
  const server = createPushServer({ ...usual, ...more });
  const at = await server.listen({ host: "127.0.0.1", port });
  const origin = `http://127.0.0.1:${at.port}`;
  const api = async (method: string, body: object) => {
    const init = { method: "POST", headers: { "X-API-Key": KEY }, body: JSON.stringify(body) };
    const answer = (await (await fetch(`${origin}/api/${method}`, init)).json()) as { result?: unknown };
    assert.ok(answer.result, `${method}: ${JSON.stringify(answer)}`);
  };
  const publish = async (channel: string, data: unknown) => {
    await server.operations.publish(channel, JSON.stringify(data), {});
  };
  return { server, port: at.port, origin, api, publish };
}

/** A server that listens. */
export interface Listening {
  readonly server: PushServer;
  readonly port: number;
  /** `http://host:port`. */
  readonly origin: string;
  /** Calls a method of the HTTP API, and checks that it has a result. */
  readonly api: (method: string, body: object) => Promise<void>;
  /** Publishes without a request. */
  readonly publish: (channel: string, data: unknown) => Promise<void>;
}
