import assert from "node:assert/strict";
import { once } from "node:events";
import { Duplex } from "node:stream";
import { mock, type TestContext, test } from "node:test";
import fc from "fast-check";
import { ProtocolError } from "../src/errors.ts";
import { limits } from "../src/limits.ts";
import {
  type ByteStreams,
  compileClose,
  compilePing,
  compileText,
  Frame,
  isData,
  opcodes,
  randomKey,
  readFrame,
  type WebSocketStream,
  type WebSocketStreamOptions,
  webSocketStream,
} from "../src/ws/index.ts";
import { cut, cutPoints, utf8 } from "./ws-bits.ts";
import { clientPair, serverPair } from "./ws-peers.ts";

const { CONTINUATION, TEXT, CLOSE, PONG } = opcodes;

/** Two ends of a connection that keeps no more than a chunk in each direction. */
function connection(): [ByteStreams, ByteStreams] {
  const [there, back] = [new TransformStream<Uint8Array>(), new TransformStream<Uint8Array>()];
  return [
    { readable: back.readable, writable: there.writable },
    { readable: there.readable, writable: back.writable },
  ];
}

/** The server's end as a WebSocket; the client's as bytes, for what no WebSocket would do. */
class RawPeer {
  readonly webSocket: WebSocketStream;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;

  constructor(options: Partial<WebSocketStreamOptions> = {}) {
    const [here, there] = connection();
    this.webSocket = webSocketStream(here, { server: true, ...options });
    this.#reader = there.readable.getReader();
    this.#writer = there.writable.getWriter();
  }

  async send(...frames: Uint8Array[]): Promise<void> {
    for (const frame of frames) await this.#writer.write(frame);
  }

  /** The next frame that the server sends, one for each chunk; undefined when it has ended. */
  async frame(): Promise<{ first: number; payload: Uint8Array } | undefined> {
    const { done, value } = await this.#reader.read();
    if (done) return undefined;
    const frame = new Frame();
    assert.equal(readFrame(value, 0, value.length, frame), value.length);
    return { first: value[0] as number, payload: value.slice(frame.payloadFrom) };
  }

  end(): Promise<void> {
    return this.#writer.close();
  }

  abort(error: Error): Promise<unknown> {
    return Promise.all([this.#writer.abort(error), this.#reader.cancel(error)]);
  }
}

const key = () => ({ key: randomKey() });
const CLOSED = { code: "BELFRY_BAD_STATE", message: "the WebSocket is closed" };

async function readAll<T>(readable: ReadableStream<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of readable) all.push(one);
  return all;
}

function bothEnds(options: Partial<WebSocketStreamOptions> = {}): [server: WebSocketStream, client: WebSocketStream] {
  const [one, other] = connection();
  return [webSocketStream(one, { server: true, ...options }), webSocketStream(other, { server: false, ...options })];
}

// ---- Messages ---------------------------------------------------------------------------------------------------------

test("webSocketStream carries texts as strings and binary messages as bytes, in both directions and roles", async () => {
  const sent = ["", "grüß \u{FEFF}👋", utf8(""), "x".repeat(70_000), new Uint8Array(200_000).fill(7)];
  for (const [from, to] of [bothEnds(), bothEnds().reverse()] as [WebSocketStream, WebSocketStream][]) {
    const sending = ReadableStream.from(sent).pipeTo(from.writable);
    assert.deepEqual(await readAll(to.readable), sent);
    await sending;
    assert.deepEqual(await Promise.all([from.closed, to.closed]), Array(2).fill({ code: 1005, reason: "" }));
  }
});

test("webSocketStream cuts large messages into fragments, of fragmentBytesMax or of the limit", async () => {
  const text = "x".repeat(limits.fragmentBytesMax);
  for (const [fragmentBytesMax, message, expected] of [
    [undefined, text, [text]],
    [undefined, `${text}y`, [text, "y"]],
    [2, "abcde", ["ab", "cd", "e"]],
    [Infinity, `${text}y`, [`${text}y`]],
  ] as const) {
    const peer = new RawPeer({ fragmentBytesMax });
    void peer.webSocket.writable.getWriter().write(message);
    for (const [i, part] of expected.entries()) {
      const first = (i === expected.length - 1 ? 0x80 : 0) | (i === 0 ? TEXT : CONTINUATION);
      assert.deepEqual(await peer.frame(), { first, payload: utf8(part) });
    }
  }
});

test("webSocketStream carries any messages over a connection that cuts its bytes anywhere", async () => {
  const anyMessage = fc.oneof(
    fc.string({ unit: "binary", maxLength: 50 }).map((text) => text.toWellFormed()),
    fc.uint8Array({ maxLength: 300 }),
  );
  const cases = [fc.array(anyMessage, { maxLength: 6 }), fc.integer({ min: 1, max: 310 }), cutPoints] as const;
  await fc.assert(
    fc.asyncProperty(...cases, async (sent, fragmentBytesMax, points) => {
      const [one, other] = connection();
      const cutter = new TransformStream<Uint8Array, Uint8Array>({
        transform: (bytes, controller) => {
          for (const piece of cut(bytes, points)) controller.enqueue(piece);
        },
      });
      const client = webSocketStream(one, { server: false, fragmentBytesMax });
      const server = webSocketStream({ ...other, readable: other.readable.pipeThrough(cutter) }, { server: true });
      const sending = ReadableStream.from(sent).pipeTo(client.writable);
      assert.deepEqual(await readAll(server.readable), sent);
      await sending;
      assert.deepEqual(await client.closed, { code: 1005, reason: "" });
    }),
    { numRuns: 50 },
  );
});

test("webSocketStream sets RSV1 on what its codec compresses", async () => {
  const codec = {
    compress: (bytes: Uint8Array) => (bytes.length > 1 ? bytes.subarray(1) : undefined),
    decompress: (bytes: Uint8Array) => bytes,
  };
  const peer = new RawPeer({ codec });
  const writer = peer.webSocket.writable.getWriter();
  void writer.write("ab");
  void writer.write("a");
  assert.deepEqual(await peer.frame(), { first: 0x80 | 0x40 | TEXT, payload: utf8("b") });
  assert.deepEqual(await peer.frame(), { first: 0x80 | TEXT, payload: utf8("a") });
});

// ---- Back-pressure ----------------------------------------------------------------------------------------------------

test("webSocketStream does not read on while a message waits, and a write is done when the connection took it", async () => {
  const [server, client] = bothEnds();
  const writer = client.writable.getWriter();
  let taken = 0;
  const writes = Array.from({ length: 20 }, (_, i) => writer.write(String(i)).then(() => taken++));
  // A turn of the event loop is enough for all that can go on without a reader.
  await new Promise(setImmediate);
  assert.ok(taken < 6, `${taken} messages were taken, and none was read`);
  const reader = server.readable.getReader();
  for (let i = 0; i < 20; i++) assert.deepEqual(await reader.read(), { done: false, value: String(i) });
  await Promise.all(writes);
});

test("webSocketStream answers pings while no message waits, each that it can, and reads on when it cannot", async () => {
  const pings: string[] = [];
  const peer = new RawPeer({ onPing: (payload) => pings.push(String.fromCharCode(...payload)) });
  const payloads = Array.from({ length: 50 }, (_, i) => String(i));
  for (const payload of payloads) await peer.send(compilePing(utf8(payload), key()));
  await peer.send(compileText("the end", key()));
  const reader = peer.webSocket.readable.getReader();
  assert.deepEqual(await reader.read(), { done: false, value: "the end" });
  assert.deepEqual(pings, payloads);
  peer.webSocket.close();
  const answers: string[] = [];
  for (let frame = await peer.frame(); frame?.first === (0x80 | PONG); frame = await peer.frame()) {
    answers.push(String.fromCharCode(...frame.payload));
  }
  // The connection kept some; of the others none but the newest was kept.
  assert.ok(answers.length < 5, `${answers.length} pongs were kept`);
  assert.equal(answers[0], "0");
  await peer.end();
});

test("webSocketStream answers the newest ping when the connection takes frames again", async () => {
  const peer = new RawPeer();
  for (let i = 0; i < 50; i++) await peer.send(compilePing(utf8(String(i)), key()));
  let last: string | undefined;
  while (last !== "49") {
    const frame = await peer.frame();
    assert.equal(frame?.first, 0x80 | PONG);
    last = String.fromCharCode(...(frame?.payload ?? []));
  }
});

test("webSocketStream: two ends that ping each other amid large messages do not wait for each other forever", async () => {
  const ends = [new TransformStream<Uint8Array>(), new TransformStream<Uint8Array>()] as const;
  const [there, back] = ends.map(({ readable }) => readable.pipeThrough(pinging())) as [
    ReadableStream<Uint8Array>,
    ReadableStream<Uint8Array>,
  ];
  const server = webSocketStream({ readable: there, writable: ends[1].writable }, { server: true });
  const client = webSocketStream({ readable: back, writable: ends[0].writable }, { server: false });
  const message = new Uint8Array(1_000_000).fill(1);
  const all = [server, client].map(async ({ readable, writable }) => {
    const writing = writable.getWriter().write(message);
    assert.equal((await readable.getReader().read()).value?.length, message.length);
    await writing;
  });
  await Promise.all(all);
});

/** Puts a ping, masked if they are, before each data frame of the connection. */
function pinging(): TransformStream<Uint8Array, Uint8Array> {
  return new TransformStream({
    transform: (frame, controller) => {
      const masked = (frame[1] as number) > 127;
      if (isData((frame[0] as number) & 15)) controller.enqueue(compilePing(utf8("!"), masked ? key() : undefined));
      controller.enqueue(frame);
    },
  });
}

// ---- Closing ----------------------------------------------------------------------------------------------------------

for (const who of ["the server", "the client"]) {
  test(`webSocketStream closes with code and reason when ${who} does: both ends learn it, and both streams end`, async () => {
    const ends = bothEnds();
    const [closer, other] = who === "the server" ? ends : ends.reverse();
    assert.ok(closer && other);
    const reading = readAll(other.readable);
    closer.close(4001, "tschüß");
    closer.close(4002);
    assert.deepEqual(await reading, []);
    assert.deepEqual(await other.closed, { code: 4001, reason: "tschüß" });
    assert.deepEqual(await closer.closed, { code: 4001, reason: "" });
    assert.deepEqual(await readAll(closer.readable), []);
    for (const { writable } of ends) await assert.rejects(writable.getWriter().write("late"), CLOSED);
  });
}

test("webSocketStream sends nothing after its close frame, and the rest of a message that it cuts off is not written", async () => {
  const peer = new RawPeer({ fragmentBytesMax: 1 });
  const writer = peer.webSocket.writable.getWriter();
  const write = writer.write("abcdef");
  assert.deepEqual(await peer.frame(), { first: TEXT, payload: utf8("a") });
  peer.webSocket.close(1001);
  const rejected = assert.rejects(write, CLOSED);
  let frame = await peer.frame();
  while (frame?.first === CONTINUATION) frame = await peer.frame();
  assert.equal(frame?.first, 0x80 | CLOSE);
  await peer.send(compilePing(utf8(""), key()), compileClose(1001, "", key()));
  assert.equal(await peer.frame(), undefined);
  await rejected;
  await peer.end();
  assert.deepEqual(await peer.webSocket.closed, { code: 1001, reason: "" });
});

test("webSocketStream throws away what comes after close(), so that the peer's answer is seen without a reader", async () => {
  const peer = new RawPeer();
  await peer.send(compileText("kept", key()));
  await new Promise(setImmediate);
  peer.webSocket.close(1000);
  await peer.send(...Array.from({ length: 10 }, () => compileText("thrown away", key())));
  assert.equal((await peer.frame())?.first, 0x80 | CLOSE);
  await peer.send(compileClose(1000, "bye", key()));
  await peer.end();
  assert.deepEqual(await peer.webSocket.closed, { code: 1000, reason: "bye" });
  assert.deepEqual(await readAll(peer.webSocket.readable), ["kept"]);
});

test("webSocketStream whose writable is closed still gives what the peer sends, until it closes too", async () => {
  const peer = new RawPeer();
  const { readable, writable, closed } = peer.webSocket;
  const writing = ReadableStream.from(["a"]).pipeTo(writable);
  assert.deepEqual(await peer.frame(), { first: 0x80 | TEXT, payload: utf8("a") });
  assert.deepEqual(await peer.frame(), { first: 0x80 | CLOSE, payload: utf8("") });
  await writing;
  const reading = readAll(readable);
  await peer.send(compileText("b", key()), compileText("c", key()), compileClose(undefined, "", key()));
  await peer.end();
  assert.deepEqual(await reading, ["b", "c"]);
  assert.deepEqual(await closed, { code: 1005, reason: "" });
});

for (const [what, end] of [
  ["the readable is cancelled", ({ readable }: WebSocketStream) => readable.cancel()],
  ["the writable is aborted", ({ writable }: WebSocketStream) => writable.abort()],
] as const) {
  test(`webSocketStream begins the closing handshake when ${what}`, async () => {
    const peer = new RawPeer();
    const ending = end(peer.webSocket);
    assert.deepEqual(await peer.frame(), { first: 0x80 | CLOSE, payload: utf8("") });
    await peer.send(compileText("ignored", key()), compileClose(undefined, "", key()));
    assert.equal(await peer.frame(), undefined);
    await peer.end();
    await ending;
    assert.deepEqual(await peer.webSocket.closed, { code: 1005, reason: "" });
  });
}

test("webSocketStream.close refuses what may not be sent, and goes on", async () => {
  const [server, client] = bothEnds();
  for (const [code, reason] of [[1005], [1006], [999], [5000], [1000, "x".repeat(124)], [undefined, "why"]] as const) {
    assert.throws(() => server.close(code, reason), { code: "BELFRY_BAD_OPTION" });
  }
  void server.writable.getWriter().write("still here");
  assert.deepEqual(await client.readable.getReader().read(), { done: false, value: "still here" });
});

// ---- Failing ----------------------------------------------------------------------------------------------------------

test("webSocketStream sends a peer that breaks a rule away with the code, and fails with the error", async () => {
  const peer = new RawPeer();
  void peer.send(compileText("ok", key()), compileText("not masked"));
  const reader = peer.webSocket.readable.getReader();
  assert.deepEqual(await reader.read(), { done: false, value: "ok" });
  const failed = (error: unknown) => error instanceof ProtocolError && error.closeCode === 1002;
  await assert.rejects(reader.read(), failed);
  const writer = peer.webSocket.writable.getWriter();
  await assert.rejects(writer.write("late"), failed);
  const frame = await peer.frame();
  assert.deepEqual([frame?.first, frame?.payload.slice(0, 2)], [0x80 | CLOSE, Uint8Array.of(0x03, 0xea)]);
  assert.equal(await peer.frame(), undefined);
  await peer.end();
  assert.deepEqual(await peer.webSocket.closed, { code: 1002, reason: "a client's frame is not masked" });
});

test("webSocketStream fails with 1006 when the connection ends without a close frame", async () => {
  const peer = new RawPeer();
  const reading = assert.rejects(readAll(peer.webSocket.readable), { closeCode: 1006 });
  await peer.end();
  await reading;
  assert.deepEqual(await peer.webSocket.closed, { code: 1006, reason: "" });
  await assert.rejects(peer.webSocket.writable.getWriter().write("late"), { closeCode: 1006 });
});

test("webSocketStream fails with the connection's own error, in both directions, and with 1006", async () => {
  const peer = new RawPeer();
  const failure = new Error("of the test");
  const reading = assert.rejects(readAll(peer.webSocket.readable), failure);
  await peer.abort(failure);
  await reading;
  await assert.rejects(peer.webSocket.writable.getWriter().write("late"), failure);
  assert.deepEqual(await peer.webSocket.closed, { code: 1006, reason: "" });
});

test("webSocketStream still reads the peer's close frame when only its own frames cannot be sent", async () => {
  const failure = new Error("of the test");
  const { readable, writable } = new TransformStream<Uint8Array>();
  const broken = new WritableStream<Uint8Array>({ write: () => Promise.reject(failure) });
  const webSocket = webSocketStream({ readable, writable: broken }, { server: true });
  await assert.rejects(webSocket.writable.getWriter().write("lost"), failure);
  const reading = readAll(webSocket.readable);
  const writer = writable.getWriter();
  void writer.write(compileText("why?", key()));
  void writer.write(compileClose(1013, "too busy", key()));
  void writer.close();
  assert.deepEqual(await reading, ["why?"]);
  assert.deepEqual(await webSocket.closed, { code: 1013, reason: "too busy" });
});

test("webSocketStream closes with 1011 when a message is neither text nor bytes, and when its codec fails", async () => {
  const failure = new Error("of the test");
  const codec = {
    compress: () => {
      throw failure;
    },
    decompress: (bytes: Uint8Array) => bytes,
  };
  for (const [options, message, error] of [
    [{}, 5 as unknown as string, { code: "BELFRY_BAD_OPTION" }],
    [{ codec }, "a", failure],
  ] as const) {
    const peer = new RawPeer(options);
    await assert.rejects(peer.webSocket.writable.getWriter().write(message), error);
    assert.deepEqual(await peer.frame(), { first: 0x80 | CLOSE, payload: Uint8Array.of(0x03, 0xf3) });
    await peer.send(compileClose(1011, "", key()));
    await peer.end();
    assert.deepEqual(await peer.webSocket.closed, { code: 1011, reason: "" });
  }
});

test("webSocketStream refuses options out of range", () => {
  for (const options of [
    { fragmentBytesMax: 0 },
    ...[0, -1, 86_401, Number.NaN].map((closeSecondsMax) => ({ closeSecondsMax })),
  ]) {
    assert.throws(() => new RawPeer(options), { code: "BELFRY_BAD_OPTION" });
  }
  new RawPeer({ closeSecondsMax: 86_400, fragmentBytesMax: 1 });
});

// ---- Patience ---------------------------------------------------------------------------------------------------------

/** All that can happen without the clock happens. */
const settle = () => new Promise(setImmediate);

function withClock(t: TestContext): void {
  mock.timers.enable({ apis: ["setTimeout"] });
  t.after(() => mock.timers.reset());
}

for (const [what, stage] of [
  ["answers a close frame", async () => {}],
  ["ends the connection behind its close frame", (peer: RawPeer) => peer.send(compileClose(1000, "", key()))],
] as const) {
  test(`webSocketStream gives a peer closeSecondsMax in which it ${what}`, async (t) => {
    withClock(t);
    const peer = new RawPeer({ closeSecondsMax: 3 });
    peer.webSocket.close(1000);
    await peer.frame();
    await stage(peer);
    await settle();
    let over = false;
    void peer.webSocket.closed.then(() => {
      over = true;
    });
    mock.timers.tick(2999);
    await settle();
    assert.equal(over, false);
    mock.timers.tick(1);
    const { code } = await peer.webSocket.closed;
    assert.equal(code, stage.length === 0 ? 1006 : 1000);
    await assert.rejects(peer.send(utf8("late")), { code: "BELFRY_LIMIT", message: /closeSecondsMax is 3 \(option/ });
  });
}

for (const order of ["before", "after"]) {
  test(`webSocketStream does not count the time in which a message waits that came ${order} its writable was closed`, async (t) => {
    withClock(t);
    const peer = new RawPeer();
    const { readable, writable, closed } = peer.webSocket;
    if (order === "after") void writable.close();
    await peer.send(compileText("a", key()));
    await settle();
    if (order === "before") void writable.close();
    assert.equal((await peer.frame())?.first, 0x80 | CLOSE);
    void peer.send(compileText("b", key()), compileClose(1000, "", key())).then(() => peer.end());
    await settle();
    mock.timers.tick(limits.closeSecondsMax * 10_000);
    assert.deepEqual(await readAll(readable), ["a", "b"]);
    assert.deepEqual(await closed, { code: 1000, reason: "" });
  });
}

test("webSocketStream ends a write that the connection never takes when the peer's time is over", async (t) => {
  withClock(t);
  for (const end of [
    (webSocket: WebSocketStream) => webSocket.close(),
    ({ writable }: WebSocketStream) => void writable.abort().catch(() => {}),
  ]) {
    const stuck = new WritableStream<Uint8Array>({ write: () => new Promise(() => {}) });
    const { readable } = new TransformStream<Uint8Array>();
    const webSocket = webSocketStream({ readable, writable: stuck }, { server: true });
    const { writable } = webSocket;
    const writer = writable.getWriter();
    const rejected = assert.rejects(writer.write("stuck"));
    await settle();
    writer.releaseLock();
    end(webSocket);
    await settle();
    mock.timers.tick(limits.closeSecondsMax * 1000);
    await rejected;
    assert.deepEqual(await webSocket.closed, { code: 1006, reason: "" });
  }
});

// ---- With a peer ------------------------------------------------------------------------------------------------------

for (const [server, pair] of [
  [true, serverPair],
  [false, clientPair],
] as const) {
  const who = server ? "server to the client" : "client of the server";

  test(`webSocketStream over a socket echoes by piping, as ${who} of the package ws`, async (t) => {
    const { socket, peer } = await pair(t);
    const { readable, writable, closed } = webSocketStream(Duplex.toWeb(socket), { server, fragmentBytesMax: 50_000 });
    const echo = readable.pipeTo(writable, { preventClose: true });
    for (const message of ["", "grüß 👋", "x".repeat(65_536), utf8("bytes"), new Uint8Array(300_000).fill(7)]) {
      peer.send(message);
      const [data, isBinary] = (await once(peer, "message")) as [Buffer, boolean];
      assert.equal(isBinary, typeof message !== "string");
      assert.equal(Buffer.compare(data, Buffer.from(message)), 0);
    }
    peer.ping("are you there?");
    assert.equal(String((await once(peer, "pong"))[0]), "are you there?");
    peer.close(4001, "enough");
    assert.deepEqual((await once(peer, "close")).map(String), ["4001", ""]);
    assert.deepEqual(await closed, { code: 4001, reason: "enough" });
    await Promise.allSettled([echo]);
  });

  test(`webSocketStream over a socket closes and is answered, as ${who} of the package ws`, async (t) => {
    const { socket, peer } = await pair(t);
    const webSocket = webSocketStream(Duplex.toWeb(socket), { server });
    const writer = webSocket.writable.getWriter();
    const gone = once(peer, "close");
    const got = once(peer, "message");
    await writer.write("last words");
    webSocket.close(4002, "enough");
    assert.equal(String((await got)[0]), "last words");
    assert.deepEqual((await gone).map(String), ["4002", "enough"]);
    assert.deepEqual(await webSocket.closed, { code: 4002, reason: "enough" });
  });

  test(`webSocketStream over a socket learns of a broken connection, as ${who} of the package ws`, async (t) => {
    const { socket, peer } = await pair(t);
    const webSocket = webSocketStream(Duplex.toWeb(socket), { server });
    const reading = assert.rejects(readAll(webSocket.readable));
    peer.terminate();
    assert.deepEqual(await webSocket.closed, { code: 1006, reason: "" });
    await reading;
  });
}
