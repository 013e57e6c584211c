import fc from "fast-check";
import { HandshakeError, ProtocolError } from "../../src/errors.ts";
import {
  ascii,
  asksForWebSocket,
  checkUpgrade,
  checkUtf8,
  equalsIgnoringCase,
  FrameHeader,
  findHeadEnd,
  listHolds,
  MessageReader,
  RequestHead,
  readCloseCode,
  readHead,
  readHeader,
  UTF8_START,
  validKey,
  validUtf8,
} from "../../src/ws/index.ts";
import { fence, guards } from "../bytes.ts";
import { anyHeads } from "../heads.ts";
import { LentBuffers, rulesOf } from "../message-log.ts";
import type { Property } from "../property.ts";
import { streams } from "../streams.ts";
import { watch } from "../watched.ts";

/** Every parser of bytes; a new one gets a row. */
const parsers: Readonly<Record<string, (bytes: Uint8Array, from: number, to: number) => unknown>> = {
  readHeader: (bytes, from, to) => readHeader(bytes, from, to, new FrameHeader()),
  checkUtf8: (bytes, from, to) => checkUtf8(bytes, from, to, UTF8_START),
  validUtf8,
  readCloseCode,
  validKey,
  findHeadEnd,
  equalsIgnoringCase: (bytes, from, to) => equalsIgnoringCase(bytes, from, to, "get / http"),
  listHolds: (bytes, from, to) => listHolds(bytes, from, to, "upgrade"),
  ascii,
  readHead: (bytes, from, to) => {
    const head = new RequestHead();
    if (readHead(bytes, from, to, head) > 0 && asksForWebSocket(head)) checkUpgrade(head);
  },
  serverMessages: (bytes, from, to) => readMessages(true, bytes, from, to),
  clientMessages: (bytes, from, to) => readMessages(false, bytes, from, to),
};

function readMessages(server: boolean, bytes: Uint8Array, from: number, to: number): void {
  const rules = { server, messageBytesMax: 1_048_576, fragmentsMax: 4096 };
  const reader = new MessageReader(rulesOf(rules), new LentBuffers());
  for (let at = from; at < to; ) at += reader.read(bytes, at, to);
}

interface Input {
  readonly parser: string;
  readonly bytes: Uint8Array;
  readonly guard: Uint8Array;
}

/** Accesses that a parser may need for each byte: most look at one once, a head at each again when it is judged. */
const ACCESSES_PER_BYTE = 8;
const ACCESSES_MORE = 64;

/** Whatever the bytes are. */
export const bounds: Property<Input> = {
  name: "bounds",
  proves: "no parser touches a byte outside [from, to), or one more than a few times, or throws but to refuse",
  share: 10,
  inputs: fc.record({
    parser: fc.constantFrom(...Object.keys(parsers)),
    bytes: fc.oneof(anyHeads, streams(true), streams(false), fc.uint8Array({ maxLength: 125 })),
    guard: guards,
  }),
  check({ parser, bytes, guard }) {
    const { all, from, to } = fence(bytes, guard);
    const watched = watch(all, from, to, bytes.length * ACCESSES_PER_BYTE + ACCESSES_MORE);
    try {
      parsers[parser]?.(watched.bytes, from, to);
    } catch (error) {
      if (!(error instanceof ProtocolError || error instanceof HandshakeError)) throw error;
    }
  },
};
