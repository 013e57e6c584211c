import assert from "node:assert/strict";
import fc from "fast-check";
import { HandshakeError, ProtocolError } from "../../src/errors.ts";
import {
  acceptDeflate,
  asksForWebSocket,
  checkUpgrade,
  checkUtf8,
  cookie,
  Frame,
  FrameHeader,
  findHeadEnd,
  ListCursor,
  listHolds,
  MessageReader,
  RequestHead,
  ResponseHead,
  readCloseCode,
  readFrame,
  readHead,
  readHeader,
  readResponseHead,
  UTF8_START,
  validKey,
  validUtf8,
} from "../../src/ws/index.ts";
import { fence, guards, latin1 } from "../bytes.ts";
import { anyHeads, anyResponses } from "../heads.ts";
import { anyLists } from "../lists.ts";
import { LentBuffers, rulesOf } from "../message-log.ts";
import type { Property } from "../property.ts";
import { streams } from "../streams.ts";
import { watch } from "../watched.ts";

interface Parser {
  readonly name: string;
  /** What it is made for; it is given all the rest too. */
  readonly inputs: fc.Arbitrary<Uint8Array>;
  readonly parse: (bytes: Uint8Array, from: number, to: number) => unknown;
}

const noise = fc.uint8Array({ maxLength: 125 });
const lists = anyLists.map(latin1);
const head = new RequestHead();

/** Every parser of bytes; a new one gets a row. */
const parsers: readonly Parser[] = [
  { name: "readHeader", inputs: noise, parse: (bytes, from, to) => readHeader(bytes, from, to, new FrameHeader()) },
  { name: "readFrame", inputs: streams(true), parse: (bytes, from, to) => readFrame(bytes, from, to, new Frame()) },
  { name: "server's MessageReader", inputs: streams(true), parse: (...span) => readMessages(true, ...span) },
  { name: "client's MessageReader", inputs: streams(false), parse: (...span) => readMessages(false, ...span) },
  { name: "checkUtf8", inputs: noise, parse: (bytes, from, to) => checkUtf8(bytes, from, to, UTF8_START) },
  { name: "validUtf8", inputs: noise, parse: validUtf8 },
  { name: "readCloseCode", inputs: noise, parse: readCloseCode },
  { name: "validKey", inputs: fc.uint8Array({ minLength: 22, maxLength: 26 }), parse: validKey },
  { name: "findHeadEnd", inputs: anyHeads, parse: findHeadEnd },
  { name: "readHead", inputs: anyHeads, parse: readRequest },
  { name: "readResponseHead", inputs: anyResponses, parse: (...span) => readResponseHead(...span, new ResponseHead()) },
  { name: "listHolds", inputs: lists, parse: (...span) => listHolds(...span, "upgrade") },
  { name: "ListCursor", inputs: lists, parse: walk },
  { name: "cookie", inputs: lists, parse: (...span) => cookie(...span, "a") },
];

type Span = Parameters<Parser["parse"]>;

function readMessages(server: boolean, bytes: Uint8Array, from: number, to: number): void {
  const rules = { server, messageBytesMax: 1_048_576, fragmentsMax: 4096 };
  const reader = new MessageReader(rulesOf(rules), new LentBuffers());
  for (let at = from; at < to; ) at += reader.read(bytes, at, to);
}

function readRequest(...span: Span): void {
  if (readHead(...span, head) === 0 || !asksForWebSocket(head)) return;
  acceptDeflate(head);
  checkUpgrade(head);
}

function walk(...span: Span): void {
  const cursor = new ListCursor();
  cursor.start(...span);
  while (cursor.next());
}

interface Input {
  readonly parser: string;
  readonly bytes: Uint8Array;
  readonly guard: Uint8Array;
}

const anything = fc.oneof(anyHeads, anyResponses, streams(true), streams(false), lists, noise);

/** Accesses that a parser may need for each byte: most look at one once, a head at each again when it is judged. */
const ACCESSES_PER_BYTE = 8;
const ACCESSES_MORE = 64;

/** Whatever the bytes are. */
export const bounds: Property<Input> = {
  name: "bounds",
  proves: "no parser touches a byte outside [from, to), or one more than a few times, or throws but to refuse",
  share: 10,
  inputs: fc.oneof(
    ...parsers.map(({ name, inputs }) => {
      const bytes = fc.oneof({ weight: 2, arbitrary: inputs }, anything);
      return fc.record({ parser: fc.constant(name), bytes, guard: guards });
    }),
  ),
  check({ parser, bytes, guard }) {
    const { all, from, to } = fence(bytes, guard);
    const watched = watch(all, from, to, bytes.length * ACCESSES_PER_BYTE + ACCESSES_MORE);
    const { parse } = parsers.find(({ name }) => name === parser) ?? assert.fail(`there is no parser ${parser}`);
    try {
      parse(watched, from, to);
    } catch (error) {
      if (!(error instanceof ProtocolError || error instanceof HandshakeError)) throw error;
    }
  },
};
