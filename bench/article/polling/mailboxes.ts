import type { IncomingMessage, ServerResponse } from "node:http";

const MESSAGES = 10;
const messages = Array.from({ length: MESSAGES }, (_, id) => ({
  id,
  sender: "somebody@example.com",
  subject: "The minutes of our last meeting",
  seen: id > 2,
}));
const SEED = 2017;

/** A Storage in memory. A mailbox is the same ten messages, with a version, and the time of its last change. */
export class Mailboxes {
  readonly #versions: Uint32Array;
  readonly #changedAt: BigInt64Array;
  readonly #random = seeded(SEED);

  constructor(count: number) {
    this.#versions = new Uint32Array(count);
    this.#changedAt = new BigInt64Array(count);
  }

  /** Changes one of them; the same ones in the same order in each process. */
  changeOne(): { mailbox: number; version: number; at: bigint } {
    const mailbox = Math.floor(this.#random() * this.#versions.length);
    const version = (this.#versions[mailbox] as number) + 1;
    const at = process.hrtime.bigint();
    this.#versions[mailbox] = version;
    this.#changedAt[mailbox] = at;
    return { mailbox, version, at };
  }

  /** Answers `GET /mailboxes/42`, with 304 when the client has this version (RFC 9110, 13.1.2). */
  readonly answer = (request: IncomingMessage, response: ServerResponse): void => {
    const mailbox = Number(request.url?.slice("/mailboxes/".length));
    const version = this.#versions[mailbox];
    const etag = `"${version}"`;
    if (version === undefined) return void response.writeHead(404).end();
    if (request.headers["if-none-match"] === etag) return void response.writeHead(304, { ETag: etag }).end();
    const body = JSON.stringify({ version, at: `${this.#changedAt[mailbox]}`, messages });
    const headers = { ETag: etag, "Content-Type": "application/json", "Content-Length": body.length };
    response.writeHead(200, headers).end(body);
  };
}

/** Numbers from 0 up to 1, which look random and are the same for the same seed (mulberry32). */
function seeded(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), seed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
