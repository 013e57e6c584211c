import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import fc from "fast-check";
import { BelfryError, ProtocolError } from "../src/errors.ts";
import { limits } from "../src/limits.ts";
import {
  type CloseStatus,
  ControlHandler,
  type ControlOptions,
  closeCodes,
  compileClose,
  type Message,
  type MessageOptions,
  messageFrames,
  messages,
  opcodes,
  readMessages,
} from "../src/ws/index.ts";
import { binary, bits, cut, cutPoints, type Frame, join, naiveFrame, utf8 } from "./ws-bits.ts";
import { clientPair, serverPair } from "./ws-peers.ts";

const { CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG } = opcodes;
const KEY = [0x37, 0xfa, 0x21, 0x3d];

/** A source of pieces that writes down what is done with it. */
class Source implements AsyncIterable<Uint8Array> {
  readonly log: string[] = [];
  readonly #pieces: readonly Uint8Array[];
  readonly #failure: Error | undefined;
  constructor(pieces: readonly Uint8Array[], failure?: Error) {
    this.#pieces = pieces;
    this.#failure = failure;
  }
  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    let i = 0;
    return {
      next: async () => {
        const value = this.#pieces[i++];
        if (value) return { done: false, value };
        this.log.push("end");
        if (this.#failure) throw this.#failure;
        return { done: true, value: undefined };
      },
      return: async () => {
        this.log.push("return");
        return { done: true, value: undefined };
      },
    };
  }
}

interface Outcome {
  readonly got: (string | Uint8Array)[];
  readonly sent: Uint8Array[];
  readonly status?: CloseStatus;
  readonly error?: unknown;
}

type Options = Partial<ControlOptions & MessageOptions>;

/** Reads all messages of a source, as the server unless said otherwise. */
async function readAll(source: Source, options: Options = {}): Promise<Outcome> {
  const got: (string | Uint8Array)[] = [];
  const sent: Uint8Array[] = [];
  const send = (frame: Uint8Array) => {
    source.log.push("send");
    sent.push(frame);
  };
  const reading = messages(source, { server: true, send, ...options });
  try {
    for (;;) {
      const { done, value } = await reading.next();
      if (done) return { got, sent, status: value };
      got.push(contentOf(value));
    }
  } catch (error) {
    return { got, sent, error };
  }
}

function contentOf(message: Message): string | Uint8Array {
  assert.equal(message.opcode, message.isText ? TEXT : BINARY);
  return message.isText ? message.text() : message.bytes;
}

const masked = (frame: Frame) => naiveFrame({ ...frame, key: KEY });
const closing = (code: number, reason = "") => join(bits(binary(code, 16)), utf8(reason));

// ---- What comes out ---------------------------------------------------------------------------------------------------

const conversation = [
  { fin: true, opcode: TEXT, payload: utf8("grüß \u{FEFF}👋") },
  { fin: false, opcode: BINARY, payload: Uint8Array.of(1, 2) },
  { fin: true, opcode: PING, payload: utf8("are you there?") },
  { fin: false, opcode: CONTINUATION, payload: Uint8Array.of() },
  { fin: true, opcode: PONG, payload: utf8("") },
  { fin: true, opcode: CONTINUATION, payload: Uint8Array.of(3) },
  { fin: true, opcode: TEXT, payload: utf8("") },
  { fin: true, opcode: CLOSE, payload: closing(4000, "tschüß") },
  { fin: true, opcode: TEXT, payload: utf8("never read") },
];

for (const server of [true, false]) {
  const who = server ? "a server" : "a client";
  const wire = () => join(...conversation.map((frame) => naiveFrame(server ? { ...frame, key: KEY } : frame)));

  test(`messages of ${who} gives the messages and the close status of a conversation, cut at any byte`, async () => {
    for (let end = 0; end <= wire().length; end++) {
      const told: unknown[] = [];
      const source = new Source(cut(wire(), [end]));
      const { got, sent, status, error } = await readAll(source, {
        server,
        onPing: (payload) => told.push(payload.slice()),
        onPong: (payload) => told.push(payload.slice()),
        onClose: (code, reason) => told.push(code, reason),
      });
      assert.equal(error, undefined);
      assert.deepEqual(got, ["grüß \u{FEFF}👋", Uint8Array.of(1, 2, 3), ""]);
      assert.deepEqual(status, { code: 4000, reason: "tschüß" });
      assert.deepEqual(told, [utf8("are you there?"), utf8(""), 4000, "tschüß"]);
      const first = sent.map((frame) => [frame[0], (frame[1] as number) >= 128]);
      assert.deepEqual(first, [
        [0x80 | PONG, !server],
        [0x80 | CLOSE, !server],
      ]);
      assert.deepEqual(source.log, ["send", "send", "return"]);
    }
  });

  test(`messages of ${who} gives back what messageFrames makes of a message, however it is fragmented and cut`, async () => {
    const sent = fc.array(
      fc.oneof(
        fc.string({ unit: "binary", maxLength: 100 }).map((text) => text.toWellFormed()),
        fc.uint8Array({ maxLength: 300 }),
        fc.constantFrom(125, 126, 127, 65_535, 65_536).map((length) => new Uint8Array(length).fill(length)),
      ),
      { maxLength: 6 },
    );
    const fragments = fc.constantFrom(1, 7, 126, 50_000, Infinity);
    await fc.assert(
      fc.asyncProperty(sent, fragments, cutPoints, async (expected, max, points) => {
        const fragmentBytesMax = Math.max(max, ...expected.map(({ length }) => length / 1000).map(Math.ceil));
        const wire = expected.flatMap((one) => [...messageFrames(one, { server: !server, fragmentBytesMax })]);
        const { got, status } = await readAll(new Source(cut(join(...wire), points)), { server });
        assert.deepEqual(got, expected);
        assert.deepEqual(status, { code: 1006, reason: "" });
      }),
      { numRuns: 50 },
    );
  });
}

test("messages hands out bytes of the receiver's own, whatever becomes of the source's", async () => {
  const piece = masked({ fin: true, opcode: BINARY, payload: Uint8Array.of(1, 2, 3) });
  const reading = messages(new Source([piece]), { server: true, send: () => {} });
  const { value } = await reading.next();
  assert.ok(value && "bytes" in value);
  piece.fill(0xff);
  assert.deepEqual(value.bytes, Uint8Array.of(1, 2, 3));
  assert.equal(value.bytes.byteLength, value.bytes.buffer.byteLength);
});

// ---- How it ends ------------------------------------------------------------------------------------------------------

test("messages ends with 1005 for an empty close frame, which is answered with an empty one", async () => {
  const source = new Source([masked({ fin: true, opcode: CLOSE, payload: utf8("") })]);
  const { sent, status } = await readAll(source);
  assert.deepEqual(status, { code: 1005, reason: "" });
  assert.deepEqual(sent, [compileClose()]);
  assert.deepEqual(source.log, ["send", "return"]);
});

for (const [what, pieces] of [
  ["at once", []],
  ["behind a message", [masked({ fin: true, opcode: TEXT, payload: utf8("a") })]],
  ["amid a message", [masked({ fin: false, opcode: TEXT, payload: utf8("a") })]],
  ["amid a header", [Uint8Array.of(0x81)]],
] as const) {
  test(`messages ends with 1006 when the source ends ${what}, and sends nothing`, async () => {
    const source = new Source(pieces);
    const { sent, status } = await readAll(source);
    assert.deepEqual([status, sent, source.log], [{ code: 1006, reason: "" }, [], ["end"]]);
  });
}

const brokenRules: readonly [what: string, wire: Uint8Array, code: number, options?: Options][] = [
  ["an unmasked frame", naiveFrame({ fin: true, opcode: TEXT, payload: utf8("a") }), 1002],
  ["a masked frame for a client", masked({ fin: true, opcode: TEXT, payload: utf8("a") }), 1002, { server: false }],
  ["RSV1 without a codec", masked({ fin: true, rsv: 4, opcode: TEXT, payload: utf8("a") }), 1002],
  ["a close frame of one byte", masked({ fin: true, opcode: CLOSE, payload: Uint8Array.of(3) }), 1002],
  ["a close frame with 1006", masked({ fin: true, opcode: CLOSE, payload: closing(1006) }), 1002],
  ["a text that is not UTF-8", masked({ fin: true, opcode: TEXT, payload: Uint8Array.of(0xff) }), 1007],
  [
    "a reason that is not UTF-8",
    masked({ fin: true, opcode: CLOSE, payload: join(closing(1000), Uint8Array.of(0xff)) }),
    1007,
  ],
  [
    "a fragment too many",
    join(...[0, 0, 0].map((opcode, i) => masked({ fin: false, opcode: i === 0 ? TEXT : opcode, payload: utf8("") }))),
    1008,
    { fragmentsMax: 2 },
  ],
  ["a byte too many", masked({ fin: true, opcode: TEXT, payload: utf8("abcd") }), 1009, { messageBytesMax: 3 }],
];
for (const [what, wire, code, options] of brokenRules) {
  test(`messages sends the close frame with ${code} for ${what}, then closes the source, then throws`, async () => {
    const good = options?.server === false ? naiveFrame : masked;
    const before = good({ fin: true, opcode: BINARY, payload: utf8("ok") });
    const source = new Source([join(before, wire, before)]);
    const { got, sent, error } = await readAll(source, options);
    assert.deepEqual(got, [utf8("ok")]);
    assert.ok(error instanceof ProtocolError);
    assert.equal(error.closeCode, code);
    const [frame] = sent as [Uint8Array];
    if (options?.server === false) assert.deepEqual([sent.length, frame[0]], [1, 0x80 | CLOSE]);
    else assert.deepEqual(sent, [compileClose(code, error.message)]);
    assert.deepEqual(source.log, ["send", "return"]);
  });
}

test("messages closes its source only when the close frame is out, be it an answer or a refusal", async () => {
  for (const payload of [closing(1000), closing(1006)]) {
    const source = new Source([masked({ fin: true, opcode: CLOSE, payload })]);
    const send = async () => {
      source.log.push("send");
      await new Promise(setImmediate);
      source.log.push("sent");
    };
    await readAll(source, { send });
    assert.deepEqual(source.log, ["send", "sent", "return"]);
  }
});

test("messages takes messages of messageBytesMax by default and not one byte more", async () => {
  const payload = new Uint8Array(limits.messageBytesMax + 1);
  const frame = { fin: true, opcode: BINARY, payload: payload.subarray(1) };
  assert.equal((await readAll(new Source([masked(frame)]))).got.length, 1);
  const { error } = await readAll(new Source([masked({ ...frame, payload })]));
  assert.equal((error as ProtocolError).closeCode, closeCodes.MESSAGE_TOO_BIG);
  assert.match((error as ProtocolError).message, /messageBytesMax is 1048576/);
});

test("messages throws the peer's error also when the close frame cannot be sent", async () => {
  const source = new Source([Uint8Array.of(0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)]);
  const { error } = await readAll(source, { send: () => Promise.reject(new Error("broken pipe")) });
  assert.equal((error as ProtocolError).closeCode, closeCodes.PROTOCOL_ERROR);
  assert.deepEqual(source.log, ["return"]);
});

test("messages passes on an error of its source, of send and of a callback, and sends no close frame for it", async () => {
  const failure = new BelfryError("BELFRY_BAD_STATE", "of the test");
  const ping = masked({ fin: true, opcode: PING, payload: utf8("") });
  const fail = () => {
    throw failure;
  };
  for (const [source, options, log] of [
    [new Source([ping], failure), {}, ["send", "end"]],
    [new Source([ping]), { send: fail }, ["return"]],
    [new Source([ping]), { send: () => Promise.reject(failure) }, ["return"]],
    [new Source([ping]), { onPing: fail }, ["return"]],
  ] as const) {
    const { error } = await readAll(source, options);
    assert.equal(error, failure);
    assert.deepEqual(source.log, log);
  }
});

test("messages closes its source when the reader of messages stops or throws", async () => {
  const piece = () => masked({ fin: true, opcode: TEXT, payload: utf8("a") });
  const failure = new Error("of the test");
  for (const leave of ["break", "throw"]) {
    const source = new Source([piece(), piece()]);
    const sent: Uint8Array[] = [];
    const read = async () => {
      for await (const _ of messages(source, { server: true, send: (frame) => void sent.push(frame) })) {
        if (leave === "break") break;
        throw failure;
      }
    };
    if (leave === "break") await read();
    else await assert.rejects(read(), failure);
    assert.deepEqual([source.log, sent], [["return"], []]);
  }
});

test("messages reads on only when what send returned has come to its end", async () => {
  const source = new Source([
    masked({ fin: true, opcode: PING, payload: utf8("") }),
    masked({ fin: true, opcode: TEXT, payload: utf8("a") }),
  ]);
  let sent = () => {};
  const sending = new Promise<void>((resolve) => {
    sent = resolve;
  });
  const asked = new Promise<void>((told) => {
    const send = () => {
      told();
      return sending;
    };
    void messages(source, { server: true, send })
      .next()
      .then(() => source.log.push("message"));
  });
  await asked;
  // Were it not for the promise, the message would be here after a few turns of the microtasks.
  await new Promise(setImmediate);
  assert.deepEqual(source.log, []);
  sent();
  await new Promise(setImmediate);
  assert.deepEqual(source.log, ["message"]);
});

test("readMessages ends with the peer's answer when this side began to close, and answers no more", async () => {
  const sent: Uint8Array[] = [];
  const control = new ControlHandler({ server: true, send: (frame) => void sent.push(frame) });
  control.close(1001, "restart");
  const reading = readMessages(
    new Source([
      masked({ fin: true, opcode: PING, payload: utf8("") }),
      masked({ fin: true, opcode: TEXT, payload: utf8("on its way") }),
      masked({ fin: true, opcode: CLOSE, payload: closing(1001) }),
    ]),
    control,
  );
  const first = await reading.next();
  assert.ok(!first.done);
  assert.equal(first.value.text(), "on its way");
  assert.deepEqual(await reading.next(), { done: true, value: { code: 1001, reason: "" } });
  assert.deepEqual(sent, [compileClose(1001, "restart")]);
});

// ---- With a peer ------------------------------------------------------------------------------------------------------

for (const [server, pair] of [
  [true, serverPair],
  [false, clientPair],
] as const) {
  const who = server ? "server to the client" : "client of the server";
  test(`messages over a socket echoes, as ${who} of the package ws, and closes as it asks`, async (t) => {
    const { socket, peer } = await pair(t);
    const send = (frame: Uint8Array) => new Promise<void>((resolve) => socket.write(frame, () => resolve()));
    const echo = async (): Promise<CloseStatus> => {
      const reading = messages(socket, { server, send });
      for (;;) {
        const { done, value } = await reading.next();
        if (done) return value;
        const frames = messageFrames(value.isText ? value.text() : value.bytes, { server, fragmentBytesMax: 50_000 });
        for (const frame of frames) await send(frame);
      }
    };
    const ended = echo();
    for (const message of ["", "grüß 👋", "x".repeat(65_536), utf8("bytes"), new Uint8Array(300_000).fill(7)]) {
      peer.send(message);
      const [data, isBinary] = (await once(peer, "message")) as [Buffer, boolean];
      assert.equal(isBinary, typeof message !== "string");
      assert.equal(Buffer.compare(data, Buffer.from(message)), 0);
    }
    peer.ping("are you there?");
    assert.equal(String((await once(peer, "pong"))[0]), "are you there?");
    peer.close(4001, "enough");
    assert.deepEqual(await ended, { code: 4001, reason: "enough" });
    const [code] = (await once(peer, "close")) as [number];
    assert.equal(code, 4001);
    assert.ok(socket.destroyed);
  });
}
