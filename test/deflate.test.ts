import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { after, test } from "node:test";
import { deflateRawSync, constants as zlib } from "node:zlib";
import fc from "fast-check";
import { type ClientOptions, type PerMessageDeflateOptions, WebSocket } from "ws";
import {
  CompiledMessage,
  type Connection,
  createServer,
  limits,
  type Server,
  type ServerOptions,
} from "../src/index.ts";
import {
  COMPRESSED,
  compileClose,
  compilePing,
  compilePong,
  FIN,
  messageFrames,
  messages,
  opcodes,
} from "../src/ws/index.ts";
import { compressionDefaults, zlibCodec } from "../src/zlib.ts";
import { frame as maskedFrame, RawClient, request } from "./raw-client.ts";

/** A client's frame, by its first byte. */
const frame = (first: number, payload: string | Uint8Array) =>
  maskedFrame(first & 15, payload, { fin: (first & FIN) !== 0, rsv: (first >> 4) & 7 });

const servers: Server[] = [];
after(() => Promise.all(servers.map((server) => server.close())));

async function serve(options: ServerOptions): Promise<number> {
  const server = createServer({
    packet: (connection, packet) => {
      connection.send(packet);
    },
    ...options,
  });
  servers.push(server);
  return (await server.listen({ host: "127.0.0.1" })).port;
}

/** What the server answers to these offers; undefined without the header. */
async function negotiate(port: number, offers: string | undefined): Promise<string | undefined> {
  const client = await RawClient.connect(port);
  client.send(request(offers === undefined ? {} : { "Sec-WebSocket-Extensions": offers }));
  const { status, headers } = await client.head();
  client.socket.destroy();
  assert.equal(status, 101);
  return headers.get("Sec-WebSocket-Extensions");
}

const BOTH = "server_no_context_takeover; client_no_context_takeover";

for (const [offers, answer] of [
  [undefined, undefined],
  ["permessage-deflate", `permessage-deflate; ${BOTH}`],
  ["permessage-deflate; client_max_window_bits", `permessage-deflate; ${BOTH}`],
  ["permessage-deflate; client_max_window_bits=10", `permessage-deflate; ${BOTH}; client_max_window_bits=10`],
  ["permessage-deflate; server_max_window_bits=10", `permessage-deflate; ${BOTH}; server_max_window_bits=10`],
  ['permessage-deflate; server_max_window_bits="10"', `permessage-deflate; ${BOTH}; server_max_window_bits=10`],
  ["permessage-deflate; server_max_window_bits=15", `permessage-deflate; ${BOTH}; server_max_window_bits=15`],
  ["permessage-deflate; server_no_context_takeover", `permessage-deflate; ${BOTH}`],
  ["permessage-deflate; server_max_window_bits", undefined],
  ["permessage-deflate; server_max_window_bits=7", undefined],
  ["permessage-deflate; server_max_window_bits=16", undefined],
  ["permessage-deflate; server_max_window_bits=010", undefined],
  ["permessage-deflate; client_max_window_bits=7", undefined],
  ["permessage-deflate; server_no_context_takeover=1", undefined],
  ["permessage-deflate; client_no_context_takeover; client_no_context_takeover", undefined],
  ["permessage-deflate; colour=blue", undefined],
  ["permessage-deflate; colour=blue, permessage-deflate", `permessage-deflate; ${BOTH}`],
  ["permessage-bzip2, permessage-deflate", `permessage-deflate; ${BOTH}`],
  ["x-webkit-deflate-frame", undefined],
] as const) {
  test(`deflate: offered ${offers ?? "nothing"}, the server answers ${answer ?? "nothing"}`, async () => {
    assert.equal(await negotiate(await serve({ deflate: true }), offers), answer);
  });
}

test("deflate: a server without the option answers no offer", async () => {
  assert.equal(await negotiate(await serve({}), "permessage-deflate"), undefined);
});

test("deflate: with context takeover the server asks for none to be given up, and honours a client that gives it up", async () => {
  const port = await serve({ deflate: { serverNoContextTakeover: false, clientNoContextTakeover: false } });
  assert.equal(await negotiate(port, "permessage-deflate"), "permessage-deflate");
  assert.equal(
    await negotiate(port, "permessage-deflate; server_no_context_takeover"),
    "permessage-deflate; server_no_context_takeover",
  );
});

test("deflate: the upgrade handler may refuse it for one connection", async () => {
  const port = await serve({ deflate: true, upgrade: () => ({ deflate: false }) });
  assert.equal(await negotiate(port, "permessage-deflate"), undefined);
});

test("deflate: a malformed list of offers is answered 400", async () => {
  const client = await RawClient.connect(await serve({ deflate: true }));
  client.send(request({ "Sec-WebSocket-Extensions": 'permessage-deflate; x="' }));
  assert.equal((await client.head()).status, 400);
});

const text = JSON.stringify(Array.from({ length: 200 }, (_, id) => ({ id, channel: `mail:${id}`, text: "hello" })));

/** The frames of an echo of `messages` through the ws package, with the extension as it was agreed on. */
async function echo(port: number, messages: (string | Buffer)[], deflate: PerMessageDeflateOptions = {}) {
  const options: ClientOptions = { perMessageDeflate: { threshold: 0, ...deflate } };
  const client = new WebSocket(`ws://127.0.0.1:${port}/`, options);
  const echoed: (string | Buffer)[] = [];
  const all = new Promise<void>((resolve, reject) => {
    client.on("close", (code, reason) => reject(new Error(`closed ${code} ${reason}`)));
    client.on("error", reject);
    client.on("message", (data: Buffer, isBinary) => {
      echoed.push(isBinary ? data : data.toString());
      if (echoed.length === messages.length) resolve();
    });
  });
  await once(client, "open");
  assert.match(client.extensions, /permessage-deflate/);
  for (const message of messages) client.send(message);
  await all;
  client.removeAllListeners("close");
  client.terminate();
  return echoed;
}

for (const driver of ["native", "portable"] as const) {
  for (const [name, deflate] of [
    ["no context takeover", true],
    ["context takeover", { serverNoContextTakeover: false, clientNoContextTakeover: false }],
    [
      "context takeover and small windows",
      {
        serverNoContextTakeover: false,
        clientNoContextTakeover: false,
        serverMaxWindowBits: 9,
        clientMaxWindowBits: 9,
      },
    ],
    ["no threshold", { thresholdBytes: 0 }],
  ] as const) {
    test(`deflate: the ws package gets back what it sent, ${name}, ${driver} driver`, async () => {
      const port = await serve({ driver, deflate, messageBytesMax: 4 << 20 });
      const messages = [
        text,
        "",
        "x",
        Buffer.alloc(0),
        Buffer.from(text),
        "ä".repeat(3000),
        Buffer.alloc(1 << 20, 7),
        text,
        text,
      ];
      assert.deepEqual(await echo(port, messages, { clientMaxWindowBits: 15 }), messages);
    });
  }
}

test("deflate: a client that asks for a window of 8 bits is sent its messages as they are", async () => {
  const port = await serve({ deflate: { thresholdBytes: 0 } });
  const client = await RawClient.connect(port);
  client.send(request({ "Sec-WebSocket-Extensions": "permessage-deflate; server_max_window_bits=8" }));
  assert.match((await client.head()).headers.get("Sec-WebSocket-Extensions") ?? "", /server_max_window_bits=8/);
  client.send(frame(FIN | opcodes.TEXT, text));
  const echoed = await client.frame();
  assert.equal(echoed.rsv, 0);
  assert.equal(echoed.payload.toString(), text);
});

/** A raw client with the extension. */
async function open(port: number): Promise<RawClient> {
  const client = await RawClient.connect(port);
  client.send(request({ "Sec-WebSocket-Extensions": "permessage-deflate" }));
  assert.equal((await client.head()).status, 101);
  return client;
}

const deflated = (bytes: string | Buffer) => deflateRawSync(bytes, { finishFlush: zlib.Z_SYNC_FLUSH }).subarray(0, -4);
const RSV1 = FIN | COMPRESSED;

test("deflate: below the threshold a message goes as it is, at it it is compressed", async () => {
  const client = await open(await serve({ deflate: { thresholdBytes: 100 } }));
  client.send(frame(FIN | opcodes.TEXT, "a".repeat(99)));
  assert.equal((await client.frame()).rsv, 0);
  client.send(frame(FIN | opcodes.TEXT, "a".repeat(100)));
  assert.equal((await client.frame()).rsv, 4);
});

test("deflate: what does not shrink goes as it is", async () => {
  const client = await open(await serve({ deflate: { thresholdBytes: 0 } }));
  client.send(frame(FIN | opcodes.BINARY, randomBytes(2000)));
  assert.equal((await client.frame()).rsv, 0);
});

test("deflate: a compressed message may come in fragments, with pings between", async () => {
  const client = await open(await serve({ deflate: true }));
  const payload = deflated("Hello, Hello, Hello");
  client.send(frame(COMPRESSED | opcodes.TEXT, payload.subarray(0, 3)));
  client.send(frame(FIN | opcodes.PING, "?"));
  client.send(frame(FIN | opcodes.CONTINUATION, payload.subarray(3)));
  assert.equal((await client.frame()).opcode, opcodes.PONG);
  assert.equal((await client.frame()).payload.toString(), "Hello, Hello, Hello");
});

test("deflate: a message may end with a final block and the byte of an empty one, or go on behind it", async () => {
  const client = await open(await serve({ deflate: true }));
  const [hello, empty] = [deflateRawSync("Hello"), Buffer.from([0])];
  client.send(frame(RSV1 | opcodes.TEXT, Buffer.concat([hello, empty])));
  assert.equal((await client.frame()).payload.toString(), "Hello");
  client.send(frame(RSV1 | opcodes.TEXT, Buffer.concat([hello, hello, deflated("!")])));
  assert.equal((await client.frame()).payload.toString(), "HelloHello!");
});

test("deflate: a message of deflateStreamsMax final blocks is taken, one more is 1008", async () => {
  const client = await open(await serve({ deflate: true }));
  const blocks = (count: number) => Buffer.concat(new Array(count).fill(deflateRawSync("a")));
  client.send(frame(RSV1 | opcodes.TEXT, blocks(limits.deflateStreamsMax)));
  assert.equal((await client.frame()).payload.toString(), "a".repeat(limits.deflateStreamsMax));
  client.send(frame(RSV1 | opcodes.TEXT, blocks(limits.deflateStreamsMax + 1)));
  const { payload } = await client.frame();
  assert.equal(payload.readUInt16BE(0), 1008);
  assert.match(payload.toString(), /deflateStreamsMax is 16/);
});

for (const [name, code, bytes] of [
  ["what is no DEFLATE data", 1007, frame(RSV1 | opcodes.BINARY, Buffer.from([7, 7, 7]))],
  ["a compressed text that is not UTF-8", 1007, frame(RSV1 | opcodes.TEXT, deflated(Buffer.from([0xff, 0xfe])))],
  ["a bomb", 1009, frame(RSV1 | opcodes.BINARY, deflated(Buffer.alloc(64 << 20)))],
  ["a compressed ping", 1002, frame(RSV1 | opcodes.PING, "x")],
  ["a compressed close frame", 1002, frame(RSV1 | opcodes.CLOSE, "")],
  ["RSV2", 1002, frame(FIN | 0x20 | opcodes.TEXT, "x")],
  ["RSV1 in a continuation", 1002, Buffer.concat([frame(opcodes.TEXT, "x"), frame(RSV1 | opcodes.CONTINUATION, "x")])],
] as const) {
  test(`deflate: ${name} is refused with ${code}`, async () => {
    const client = await open(await serve({ deflate: true }));
    client.send(bytes);
    const { opcode, payload } = await client.frame();
    assert.equal(opcode, opcodes.CLOSE);
    assert.equal(payload.readUInt16BE(0), code, payload.toString("latin1", 2));
  });
}

test("deflate: a message of exactly messageBytesMax is taken when it is decompressed, one more byte is 1009", async () => {
  const port = await serve({ deflate: true, messageBytesMax: 5000 });
  const client = await open(port);
  client.send(frame(RSV1 | opcodes.BINARY, deflated(Buffer.alloc(5000))));
  assert.equal((await client.frame()).opcode, opcodes.BINARY);
  client.send(frame(RSV1 | opcodes.BINARY, deflated(Buffer.alloc(5001))));
  const { payload } = await client.frame();
  assert.equal(payload.readUInt16BE(0), 1009);
  assert.match(payload.toString(), /messageBytesMax is 5000/);
});

test("deflate: RSV1 without the extension is refused with 1002", async () => {
  const client = await RawClient.open(await serve({ deflate: true }));
  client.send(frame(RSV1 | opcodes.TEXT, deflated("x")));
  assert.equal((await client.frame()).payload.readUInt16BE(0), 1002);
});

test("deflate: a compiled message reaches everybody in the form that each agreed on, compressed once", async () => {
  const connections: Connection[] = [];
  const joined: (() => void)[] = [];
  const port = await serve({
    deflate: { serverNoContextTakeover: false },
    open: (connection) => {
      connections.push(connection);
      joined.shift()?.();
    },
  });
  const join = async (offers?: string) => {
    const opened = new Promise<void>((resolve) => joined.push(resolve));
    const client = await RawClient.connect(port);
    client.send(request(offers === undefined ? {} : { "Sec-WebSocket-Extensions": offers }));
    await client.head();
    await opened;
    return client;
  };
  const own = await join("permessage-deflate");
  const shared = await join("permessage-deflate; server_no_context_takeover");
  const also = await join("permessage-deflate; server_no_context_takeover");
  const plain = await join();
  const message = new CompiledMessage(text);
  for (const connection of connections) connection.send(message);
  const codec = () =>
    zlibCodec(
      {
        serverNoContextTakeover: true,
        clientNoContextTakeover: true,
        serverMaxWindowBits: 15,
        clientMaxWindowBits: 15,
      },
      "client",
    );
  for (const [client, rsv] of [
    [own, 4],
    [shared, 4],
    [also, 4],
    [plain, 0],
  ] as const) {
    const got = await client.frame();
    assert.equal(got.rsv, rsv);
    const payload = rsv === 0 ? got.payload : codec().decompress(got.payload, 0, got.payload.length, 1 << 20);
    assert.equal(Buffer.from(payload).toString(), text);
  }
});

for (const takeover of [false, true]) {
  test(`deflate: messages and their frames over any bytes, ${takeover ? "with" : "without"} context takeover`, async () => {
    const agreed = {
      serverNoContextTakeover: !takeover,
      clientNoContextTakeover: !takeover,
      serverMaxWindowBits: 15,
      clientMaxWindowBits: 15,
    };
    const options = { ...compressionDefaults, thresholdBytes: 0 };
    const client = zlibCodec(agreed, "client", options);
    const server = zlibCodec(agreed, "server", options);
    const sent = [text, "short", "", text, Buffer.from(text)];
    async function* wire() {
      for (const message of sent)
        yield* messageFrames(message, { server: false, codec: client, fragmentBytesMax: 100 });
      yield compilePing(Buffer.from("?"), { key: 1 });
      yield compileClose(1000, "", { key: 1 });
    }
    const answers: Uint8Array[] = [];
    const got: (string | Buffer)[] = [];
    const send = (answer: Uint8Array) => void answers.push(answer);
    for await (const message of messages(wire(), { server: true, codec: server, send }))
      got.push(message.isText ? message.text() : Buffer.from(message.bytes));
    assert.deepEqual(got, sent);
    assert.deepEqual(answers, [compilePong(Buffer.from("?")), compileClose(1000)]);
  });
}

test("deflate: windows are bounded: beyond deflateWindowsBytesMax a new connection gets no context takeover", async () => {
  assert.ok(limits.deflateWindowsBytesMax >= 65_536);
  const { Compression } = await import("../src/connection/compression.ts");
  const { Columns } = await import("../src/connection/columns.ts");
  const { RequestHead, readHead } = await import("../src/ws/index.ts");
  const columns = new Columns();
  const deflate = { serverNoContextTakeover: false, clientNoContextTakeover: false };
  const compression = new Compression(columns, { deflate });
  const head = new RequestHead();
  const bytes = Buffer.from("GET / HTTP/1.1\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n");
  readHead(bytes, 0, bytes.length, head);
  const most = limits.deflateWindowsBytesMax / 65_536;
  for (let fd = 0; fd < most; fd++) {
    columns.begin(fd, 3);
    const answer = compression.answer(head);
    assert.equal(answer?.serverNoContextTakeover, false);
    compression.begin(fd, answer);
  }
  assert.equal(compression.answer(head)?.serverNoContextTakeover, true);
  compression.forget(0);
  columns.free(0);
  assert.equal(compression.answer(head)?.serverNoContextTakeover, false);
});

test("deflate: a codec gives back any sequence of messages, with and without takeover, in windows of any size", () => {
  const message = fc.oneof(fc.string({ maxLength: 3000, unit: fc.constantFrom("a", "b", "ab", "mail:") }), fc.string());
  fc.assert(
    fc.property(
      fc.array(message, { maxLength: 8 }),
      fc.boolean(),
      fc.integer({ min: 9, max: 15 }),
      (messages, takeover, bits) => {
        const agreed = {
          serverNoContextTakeover: !takeover,
          clientNoContextTakeover: !takeover,
          serverMaxWindowBits: bits,
          clientMaxWindowBits: bits,
        };
        const server = zlibCodec(agreed, "server", { ...compressionDefaults, thresholdBytes: 0 });
        const client = zlibCodec(agreed, "client");
        for (const sent of messages) {
          const bytes = Buffer.from(sent);
          const payload = server.compress(bytes, 0, bytes.length);
          if (!payload) continue;
          assert.equal(Buffer.from(client.decompress(payload, 0, payload.length, 1 << 20)).toString(), sent);
        }
      },
    ),
    { numRuns: 200 },
  );
});
