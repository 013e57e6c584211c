import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { PushOptions, PushServer } from "../src/push/index.ts";
import { type Frame, named, ProtocolClient, serve } from "./protocol-client.ts";

/** What a client sends, and all that comes back. */
export interface Row {
  /** A sentence. */
  readonly name: string;
  readonly send: readonly Frame[];
  /** All that comes, up to the close or the answer to one more command, with what is random named. */
  readonly get: readonly object[];
  /** Options of the server, beside those of the table. */
  readonly options: PushOptions;
  /** What is done before the client comes. */
  readonly before: (server: PushServer) => Promise<unknown>;
}

/** A row of a table. */
export function row(
  name: string,
  send: readonly Frame[],
  get: readonly object[],
  options: PushOptions = {},
  before: Row["before"] = async () => {},
): Row {
  return { name, send, get, options, before };
}

/** The connect command of most rows, and its reply. */
export const CONNECT = { id: 1, connect: {} };
/** What a connect command results in. */
export const RESULT = { client: "CLIENT", version: "belfry", ping: 25, pong: true };
/** The reply to {@link CONNECT}. */
export const CONNECTED = { id: 1, connect: RESULT };
/** A close with 3500. */
export const INVALID_TOKEN = { close: [3500, "invalid token"] };
/** A close with 3501. */
export const BAD_REQUEST = { close: [3501, "bad request"] };

/** A row of a client that is connected already. */
export function then(name: string, send: object[], get: object[], before?: Row["before"]): Row {
  return row(name, [CONNECT, ...send], [CONNECTED, ...get], {}, before);
}

/** Plays a row against a server of its own, with the table's options and the row's. */
export async function play(t: TestContext, { send, get, options, before }: Row, usual: PushOptions): Promise<void> {
  const { port, server } = await serve(t, { ...usual, ...options });
  await before(server);
  const client = await ProtocolClient.open(t, port, ...send);
  const got = [];
  for (const _ of get) {
    const message = await client.next();
    got.push(message);
    if ("close" in message) break;
  }
  if (!got.some((message) => "close" in message)) got.push(...(await client.rest()));
  assert.deepEqual(named(got), get);
}
