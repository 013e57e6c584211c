import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ControlHandler,
  type ControlOptions,
  closeCodes,
  Frame,
  opcodes,
  readFrame,
  unmaskFrameInPlace,
} from "../src/ws/index.ts";
import { binary, bits, join, refused, utf8 } from "./ws-bits.ts";

const { CLOSE, PING, PONG, TEXT } = opcodes;

/** A handler that writes down what it sends, as opcode and payload, and what it tells. */
function handlerOf(server: boolean, callbacks: Partial<ControlOptions> = {}) {
  const sent: { opcode: number; payload: Uint8Array }[] = [];
  const told: unknown[] = [];
  const send = (wire: Uint8Array) => {
    const frame = new Frame();
    assert.equal(readFrame(wire, 0, wire.length, frame), wire.length);
    assert.deepEqual([frame.fin, frame.rsv, frame.masked], [true, 0, !server]);
    unmaskFrameInPlace(wire, frame);
    sent.push({ opcode: frame.opcode, payload: wire.slice(frame.payloadFrom, frame.payloadTo) });
  };
  const control = new ControlHandler({
    server,
    send,
    onPing: (payload) => told.push(["ping", payload.slice()]),
    onPong: (payload) => told.push(["pong", payload.slice()]),
    onClose: (code, reason) => told.push(["close", code, reason]),
    ...callbacks,
  });
  return { control, sent, told };
}

const closing = (code: number, reason = "") => join(bits(binary(code, 16)), utf8(reason));

for (const server of [true, false]) {
  const who = server ? "a server" : "a client, masked,";

  test(`ControlHandler of ${who} answers a ping with a pong of the same payload (5.5.2)`, () => {
    const { control, sent, told } = handlerOf(server);
    for (const payload of [utf8(""), utf8("Hello"), new Uint8Array(125).fill(200)]) {
      control.handle(PING, payload);
      assert.deepEqual(sent.pop(), { opcode: PONG, payload });
      assert.deepEqual(told.pop(), ["ping", payload]);
    }
    assert.equal(control.closeSent, false);
  });

  test(`ControlHandler of ${who} does not answer a pong (5.5.3)`, () => {
    const { control, sent, told } = handlerOf(server);
    control.handle(PONG, utf8("late"));
    assert.deepEqual(sent, []);
    assert.deepEqual(told, [["pong", utf8("late")]]);
  });

  test(`ControlHandler of ${who} answers a close frame with its code and no reason, an empty one with an empty one`, () => {
    for (const [payload, answer, code, reason] of [
      [utf8(""), utf8(""), closeCodes.NO_STATUS, ""],
      [closing(1000), closing(1000), 1000, ""],
      [closing(4321, "tschüß"), closing(4321), 4321, "tschüß"],
    ] as const) {
      const { control, sent, told } = handlerOf(server);
      assert.equal(control.closeReceived, undefined);
      control.handle(CLOSE, payload);
      assert.deepEqual(sent, [{ opcode: CLOSE, payload: answer }]);
      assert.deepEqual(told, [["close", code, reason]]);
      assert.deepEqual([control.closeSent, control.closeReceived], [true, { code, reason }]);
    }
  });

  test(`ControlHandler of ${who} sends nothing after its close frame, and looks at nothing after the peer's`, () => {
    const { control, sent, told } = handlerOf(server);
    control.close(1001, "bye");
    control.close(1002);
    control.handle(PING, utf8("a"));
    control.handle(CLOSE, closing(1001));
    control.handle(CLOSE, closing(1002));
    control.handle(PING, utf8("b"));
    control.handle(PONG, utf8("c"));
    assert.deepEqual(sent, [{ opcode: CLOSE, payload: closing(1001, "bye") }]);
    assert.deepEqual(told, [
      ["ping", utf8("a")],
      ["close", 1001, ""],
    ]);
  });
}

test("ControlHandler lets onClose choose the answer", () => {
  const { control, sent } = handlerOf(true, { onClose: () => control.close(4000, "so be it") });
  control.handle(CLOSE, closing(1000));
  assert.deepEqual(sent, [{ opcode: CLOSE, payload: closing(4000, "so be it") }]);
});

test("ControlHandler hands back what send returned, and nothing when nothing was sent", async () => {
  const done = Promise.resolve();
  const control = new ControlHandler({ server: true, send: () => done });
  assert.equal(control.handle(PING, utf8("")), done);
  assert.equal(control.handle(PONG, utf8("")), undefined);
  assert.equal(control.close(), done);
  assert.equal(control.close(), undefined);
});

test("ControlHandler sends bytes of its own: the payload may be overwritten", () => {
  const frames: Uint8Array[] = [];
  const control = new ControlHandler({ server: true, send: (frame) => void frames.push(frame) });
  const payload = utf8("Hello");
  control.handle(PING, payload);
  payload.fill(0);
  assert.deepEqual(frames, [
    bits(`1 000 1010 0 0000101 ${[..."Hello"].map((c) => binary(c.charCodeAt(0), 8)).join("")}`),
  ]);
});

test("ControlHandler refuses a close frame of a forbidden form, and can still be closed with the code (5.5.1)", () => {
  for (const [payload, code] of [
    [Uint8Array.of(3), closeCodes.PROTOCOL_ERROR],
    [closing(1005), closeCodes.PROTOCOL_ERROR],
    [join(closing(1000), Uint8Array.of(0xff)), closeCodes.INVALID_PAYLOAD],
  ] as const) {
    const { control, sent, told } = handlerOf(true);
    refused(() => control.handle(CLOSE, payload), code);
    assert.deepEqual([sent, told, control.closeReceived], [[], [], undefined]);
    control.close(code);
    assert.deepEqual(sent, [{ opcode: CLOSE, payload: closing(code) }]);
  }
});

test("ControlHandler refuses what is no control frame and what may not be sent, and nothing counts as sent", () => {
  const { control, sent } = handlerOf(true);
  for (const opcode of [TEXT, 0, 11, 15]) {
    assert.throws(() => control.handle(opcode, utf8("")), { code: "BELFRY_BAD_OPTION" });
  }
  assert.throws(() => control.close(1005), { code: "BELFRY_BAD_OPTION" });
  assert.throws(() => control.close(undefined, "why"), { code: "BELFRY_BAD_OPTION" });
  assert.deepEqual([sent, control.closeSent], [[], false]);
});
