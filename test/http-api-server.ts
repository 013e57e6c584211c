import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { getRequestListener } from "@hono/node-server";
import { type HttpApiParts, httpApi } from "../src/push/api/index.ts";
import type { Operations } from "../src/push/operations.ts";
import { RecordingLog } from "./mail-fixture.ts";

/** A key that is for everything. */
export const KEY = "a key of the API";

/** What the fake answers; an error is what it rejects with. */
export type Answers = { [Name in keyof Operations]?: Awaited<ReturnType<Operations[Name]>> | Error };

const usual: Required<Answers> = {
  publish: { offset: 12, epoch: "e1" },
  broadcast: [],
  subscribe: undefined,
  unsubscribe: undefined,
  disconnect: undefined,
  refresh: undefined,
  revoke: undefined,
  presence: [],
  presenceStats: { clients: 0, users: 0 },
  history: { publications: [], offset: 0, epoch: "" },
  removeHistory: undefined,
  channels: new Map(),
  info: [],
  rpc: undefined,
  connections: [],
};

/** Operations that write down how they were called, and answer what they were told to. */
export class FakeOperations {
  readonly calls: unknown[][] = [];
  readonly operations: Operations;

  constructor(answers: Answers = {}) {
    const all = { ...usual, ...answers };
    const operation = (name: keyof Operations) => {
      return async (...given: unknown[]) => {
        // As others see them: what is undefined is not there.
        this.calls.push([name, ...given.map((one) => (one === undefined ? one : JSON.parse(JSON.stringify(one))))]);
        const answer = all[name];
        if (answer instanceof Error) throw answer;
        return answer;
      };
    };
    const names = Object.keys(usual) as (keyof Operations)[];
    this.operations = Object.fromEntries(names.map((name) => [name, operation(name)])) as unknown as Operations;
  }
}

/** An answer: its status, its body, and its headers. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers: Headers;
}

/** An HTTP API on a free port, over real sockets; it ends with the test. */
export async function startApi(t: TestContext, answers: Answers = {}, parts: Partial<HttpApiParts> = {}) {
  const fake = new FakeOperations(answers);
  const log = new RecordingLog();
  const api = httpApi({ keys: [{ key: KEY, scopes: ["*"] }], operations: fake.operations, log, ...parts });
  const listener = getRequestListener(api.fetch);
  const server = createServer((request, response) => void listener(request, response));
  await once(server.listen(0, "127.0.0.1"), "listening");
  t.after(() => void server.close().closeAllConnections());
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  async function send(path: string, body: RequestInit["body"], headers: Record<string, string> = {}): Promise<Answer> {
    const answer = await fetch(origin + path, { method: "POST", headers, body: body ?? null });
    assert.equal(answer.headers.get("content-type"), "application/json");
    return { status: answer.status, body: await answer.json(), headers: answer.headers };
  }
  /** Calls a method with the key that is for everything. */
  function call(method: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const path = method === "" ? "/api" : `/api/${method}`;
    return send(path, typeof body === "string" ? body : JSON.stringify(body), { "X-API-Key": KEY, ...headers });
  }
  return { origin, api, log, calls: fake.calls, send, call };
}
