import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, it } from "node:test";
import WebSocket from "ws";
import { createServer, limits, type Server } from "../src/index.ts";
import { frame, RawClient, request } from "./raw-client.ts";

const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;

for (const driver of ["native", "portable"] as const) {
  describe(`bad input, over the ${driver} driver`, () => {
    const closes: { code: number; reason: string }[] = [];
    let closed = () => {};
    let server: Server;
    let port = 0;
    let bystander: WebSocket;

    before(async () => {
      server = createServer({
        driver,
        headSecondsMax: 0.4,
        heartbeatSeconds: 0.6,
        pongSecondsMax: 0.4,
        closeSecondsMax: 0.4,
        messageBytesMax: 1000,
        upgrade: (ask) => (ask.path === "/no" ? { status: 403, reason: "not you" } : undefined),
        packet: (connection, packet) => void connection.send(packet),
        close(_connection, code, reason) {
          closes.push({ code, reason });
          closed();
        },
      });
      ({ port } = await server.listen({ host: "127.0.0.1" }));
      bystander = new WebSocket(`ws://127.0.0.1:${port}/`);
      await once(bystander, "open");
    });
    after(async () => {
      bystander.terminate();
      await server.close();
    });

    /** The bystander, which is there through all of it, still gets its echo. */
    async function bystanderIsServed(): Promise<void> {
      bystander.send("still there?");
      const [data] = (await once(bystander, "message")) as [Buffer];
      assert.equal(data.toString(), "still there?");
    }
    async function nextClose(): Promise<{ code: number; reason: string }> {
      while (closes.length === 0) {
        await new Promise<void>((resolve) => {
          closed = resolve;
        });
      }
      return closes.shift() as { code: number; reason: string };
    }

    const heads: [string, string, number, [string, string]?][] = [
      ["a head over headBytesMax is answered 431", request({ Cookie: "x".repeat(limits.headBytesMax) }), 431],
      [
        "more header lines than headerCountMax are answered 431",
        request(Object.fromEntries(Array.from({ length: limits.headerCountMax - 4 }, (_, i) => [`X-${i}`, "1"]))),
        431,
      ],
      ["a POST is answered 405 with Allow", request({}, "/", "POST"), 405, ["Allow", "GET"]],
      [
        "version 8 is answered 426 with Sec-WebSocket-Version: 13",
        request({ "Sec-WebSocket-Version": "8" }),
        426,
        ["Sec-WebSocket-Version", "13"],
      ],
      [
        "no version is answered 426 with Sec-WebSocket-Version: 13",
        request({ "Sec-WebSocket-Version": undefined }),
        426,
        ["Sec-WebSocket-Version", "13"],
      ],
      [
        "no upgrade, and no HTTP handler, is answered 426 with Upgrade",
        request({ Upgrade: undefined }),
        426,
        ["Upgrade", "websocket"],
      ],
      ["a missing key is answered 400", request({ "Sec-WebSocket-Key": undefined }), 400],
      ["a key of 15 bytes is answered 400", request({ "Sec-WebSocket-Key": Buffer.alloc(15).toString("base64") }), 400],
      ["a key that is no base64 is answered 400", request({ "Sec-WebSocket-Key": "!!!!IHNhbXBsZSBub25jZQ==" }), 400],
      ["a missing Host is answered 400", request({ Host: undefined }), 400],
      ["a Connection without Upgrade is answered 400", request({ Connection: "keep-alive" }), 400],
      ["an upgrade with a body is answered 400", request({ "Content-Length": "5" }), 400],
      ["an upgrade in chunks is answered 400", request({ "Transfer-Encoding": "chunked" }), 400],
      ["HTTP/1.0 is answered 505", request({}, "/", "GET", "HTTP/1.0"), 505],
      ["the preface of HTTP/2 is answered 505", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505],
      ["a TLS hello is answered 400", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400],
      ["a bare line feed is answered 400", "GET / HTTP/1.1\nHost: a\n\n", 400],
      ["what the application refuses gets its status", request({}, "/no"), 403],
    ];
    for (const [name, bytes, status, header] of heads) {
      it(name, async () => {
        const client = await RawClient.connect(port);
        client.send(Buffer.from(bytes, "latin1"));
        const answer = await client.head();
        assert.equal(answer.status, status);
        assert.equal(answer.headers.get("Connection"), "close");
        if (header) assert.equal(answer.headers.get(header[0]), header[1]);
        await client.ended();
        client.end();
        await bystanderIsServed();
      });
    }

    it("a head just within headBytesMax is accepted, also when it comes byte by byte", async () => {
      const bare = request({ Cookie: "" });
      const whole = request({ Cookie: "x".repeat(limits.headBytesMax - bare.length) });
      assert.equal(whole.length, limits.headBytesMax);
      const client = await RawClient.connect(port);
      const step = 97;
      for (let i = 0; i < whole.length; i += step) client.send(whole.slice(i, i + step));
      assert.equal((await client.head()).status, 101);
      client.reset();
      assert.equal((await nextClose()).code, 1006);
    });

    it("a head that grows over headBytesMax in small pieces is answered 431", async () => {
      const client = await RawClient.connect(port);
      client.send("GET / HTTP/1.1\r\nCookie: ");
      for (let sent = 0; sent <= limits.headBytesMax; sent += 1000) client.send("y".repeat(1000));
      const answer = await client.head();
      assert.equal(answer.status, 431);
      assert.match(answer.body, /headBytesMax is 16384 \(option headBytesMax\)/);
      client.reset();
      await bystanderIsServed();
    });

    it("a head that never ends is answered 408 at its deadline, however often a byte comes", async () => {
      const client = await RawClient.connect(port);
      client.send("GET / HTTP/1.1\r\n");
      const drip = setInterval(() => client.send("X"), 30);
      const answer = await client.head();
      clearInterval(drip);
      assert.equal(answer.status, 408);
      assert.match(answer.body, /option headSecondsMax/);
      client.reset();
      await bystanderIsServed();
    });

    it("a connection that says nothing at all is answered 408", async () => {
      const client = await RawClient.connect(port);
      assert.equal((await client.head()).status, 408);
      client.end();
    });

    const frames: [string, () => Buffer, number][] = [
      ["an unmasked frame closes with 1002", () => frame(TEXT, "a", { masked: false }), 1002],
      ["a reserved bit closes with 1002", () => frame(TEXT, "a", { rsv: 4 }), 1002],
      ["a reserved opcode closes with 1002", () => frame(3, "a"), 1002],
      ["a reserved control opcode closes with 1002", () => frame(11, "a"), 1002],
      ["a fragmented ping closes with 1002", () => frame(PING, "a", { fin: false }), 1002],
      ["a ping of 126 bytes closes with 1002", () => frame(PING, "a".repeat(126)), 1002],
      ["a continuation without a message closes with 1002", () => frame(0, "a"), 1002],
      [
        "a message within a message closes with 1002",
        () => Buffer.concat([frame(TEXT, "a", { fin: false }), frame(TEXT, "b")]),
        1002,
      ],
      ["a close code 1005 closes with 1002", () => frame(CLOSE, Buffer.from([0x03, 0xed])), 1002],
      ["a close frame of one byte closes with 1002", () => frame(CLOSE, "x"), 1002],
      [
        "a length of 2^63 closes with 1002",
        () => Buffer.from([0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]),
        1002,
      ],
      [
        "a length of 2^63-1 closes with 1009",
        () => Buffer.from([0x82, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255, 1, 2, 3, 4]),
        1009,
      ],
      ["text that is not UTF-8 closes with 1007", () => frame(TEXT, Buffer.from([0x61, 0xc3, 0x28])), 1007],
      ["text cut within a character closes with 1007", () => frame(TEXT, Buffer.from([0xe2, 0x82])), 1007],
      ["a close reason that is not UTF-8 closes with 1007", () => frame(CLOSE, Buffer.from([0x03, 0xe8, 0xff])), 1007],
      ["a message over messageBytesMax closes with 1009", () => frame(BINARY, Buffer.alloc(1001)), 1009],
      [
        "fragments over messageBytesMax close with 1009",
        () => Buffer.concat([frame(BINARY, Buffer.alloc(600), { fin: false }), frame(0, Buffer.alloc(401))]),
        1009,
      ],
      [
        "a header that announces too much closes with 1009 before its payload comes",
        () => frame(BINARY, Buffer.alloc(70_000)).subarray(0, 14),
        1009,
      ],
      [
        "more pings in one read than controlFramesPerReadMax close with 1008",
        () => Buffer.concat(Array.from({ length: limits.controlFramesPerReadMax + 1 }, () => frame(PING, ""))),
        1008,
      ],
      [
        "a ping flood between the fragments of a message closes with 1008",
        () => Buffer.concat([frame(TEXT, "a", { fin: false }), ...pings(limits.controlFramesPerReadMax + 1)]),
        1008,
      ],
      [
        "more fragments than fragmentsMax close with 1008",
        () =>
          Buffer.concat([
            frame(TEXT, "", { fin: false }),
            ...Array.from({ length: limits.fragmentsMax }, () => frame(0, "", { fin: false })),
          ]),
        1008,
      ],
    ];
    for (const [name, bytes, code] of frames) {
      it(name, async () => {
        closes.length = 0;
        const client = await RawClient.open(port);
        client.send(bytes());
        assert.equal((await client.closeFrame()).code, code);
        assert.equal((await nextClose()).code, code);
        await client.ended();
        client.end();
        await bystanderIsServed();
      });
    }

    it("a message of just messageBytesMax, whole or in fragments cut anywhere, is echoed", async () => {
      const client = await RawClient.open(port);
      const body = Buffer.alloc(1000, "ä");
      client.send(frame(TEXT, body));
      assert.deepEqual((await client.frame()).payload, body);
      const parts = Buffer.concat([
        frame(TEXT, body.subarray(0, 333), { fin: false }),
        frame(PING, "p"),
        frame(0, body.subarray(333)),
      ]);
      for (const byte of parts) client.send(Buffer.of(byte));
      assert.equal((await client.frame()).opcode, 10);
      assert.deepEqual((await client.frame()).payload, body);
      client.send(frame(CLOSE, Buffer.from([0x0f, 0xa0])));
      assert.equal((await client.closeFrame()).code, 4000);
      assert.equal((await nextClose()).code, 4000);
      client.end();
    });

    it("as many pings in one read as controlFramesPerReadMax are all answered, in order", async () => {
      const client = await RawClient.open(port);
      client.send(
        Buffer.concat(Array.from({ length: limits.controlFramesPerReadMax }, (_, i) => frame(PING, String(i)))),
      );
      for (let i = 0; i < limits.controlFramesPerReadMax; i++) {
        const pong = await client.frame();
        assert.deepEqual([pong.opcode, pong.payload.toString()], [10, String(i)]);
      }
      client.reset();
      assert.equal((await nextClose()).code, 1006);
    });

    it("half a frame and then silence closes with 1008, and the pings before it are not mistaken for an answer", async () => {
      const client = await RawClient.open(port);
      client.send(frame(TEXT, "hello").subarray(0, 8));
      const { code, reason } = await client.closeFrame();
      assert.deepEqual([code, reason], [1008, "half a message, then silence"]);
      assert.equal((await nextClose()).code, 1008);
      client.end();
      await bystanderIsServed();
    });

    it("a peer that answers no ping is closed with 1008", async () => {
      const client = await RawClient.open(port);
      assert.equal((await client.frame()).opcode, PING);
      assert.equal((await client.closeFrame()).code, 1008);
      assert.equal((await nextClose()).code, 1008);
      client.end();
      await bystanderIsServed();
    });

    it("a reset in mid-message is told as 1006", async () => {
      const client = await RawClient.open(port);
      client.send(Buffer.concat([frame(TEXT, "a", { fin: false }), frame(0, "bcdef").subarray(0, 7)]));
      client.reset();
      assert.equal((await nextClose()).code, 1006);
      await bystanderIsServed();
    });

    it("a peer that closes the connection without a close frame is told as 1006", async () => {
      const client = await RawClient.open(port);
      client.end();
      assert.equal((await nextClose()).code, 1006);
      await bystanderIsServed();
    });

    it("a peer that goes on sending after it was refused still gets to read why", async () => {
      closes.length = 0;
      const client = await RawClient.open(port);
      client.send(frame(BINARY, Buffer.alloc(1001)));
      for (let i = 0; i < 50; i++) client.send(Buffer.alloc(10_000));
      assert.equal((await client.closeFrame()).code, 1009);
      await client.ended();
      client.reset();
      await bystanderIsServed();
    });

    it("after all of it no descriptor is left but the bystander's", async () => {
      while (server.connections > 1) await new Promise((resolve) => setTimeout(resolve, 20));
      assert.equal(server.connections, 1);
      await bystanderIsServed();
    });
  });
}

function pings(count: number): Buffer[] {
  return Array.from({ length: count }, () => frame(9, ""));
}
