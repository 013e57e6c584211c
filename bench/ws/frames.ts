import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { FIN, FrameHeader, MessageReader, maskInPlace, opcodes, readHeader, writeHeader } from "../../src/ws/index.ts";
import type { Contest } from "./contest.ts";

/** The parts of the ws package that do the same, which its types do not tell of. */
interface WsParts {
  Receiver: new (options: object) => NodeJS.WritableStream;
  Sender: { frame(payload: Buffer, options: object): Buffer[] };
}
const require = createRequire(import.meta.url);
const { Receiver, Sender } = require("ws") as WsParts;
const wsFolder = dirname(require.resolve("ws/package.json"));
const bufferUtil = require(join(wsFolder, "lib/buffer-util.js")) as { unmask(bytes: Buffer, mask: Buffer): void };

const KEY = Buffer.from([0x12, 0x34, 0x56, 0x78]);
const KEY_WORD = KEY.readInt32LE();
const FRAMES = 64;

/** Headers of masked frames of every length encoding, one behind another. */
function headers(): { bytes: Buffer; at: readonly number[] } {
  const all: Buffer[] = [];
  const at: number[] = [];
  let offset = 0;
  for (let i = 0; i < FRAMES; i++) {
    const length = [5, 32, 120, 300, 1024, 70_000][i % 6] as number;
    const header = Buffer.alloc(14);
    const size = writeHeader(header, 0, FIN | opcodes.TEXT, length);
    header[1] = (header[1] as number) | 0x80;
    KEY.copy(header, size);
    all.push(header.subarray(0, size + 4));
    at.push(offset);
    offset += size + 4;
  }
  at.push(offset);
  return { bytes: Buffer.concat(all), at };
}

/** How one would read a header without thinking of speed: a view, and an object for each. */
function naiveHeader(bytes: Buffer, at: number) {
  const first = bytes.readUInt8(at);
  const second = bytes.readUInt8(at + 1);
  let length = second & 127;
  let offset = at + 2;
  if (length === 126) {
    length = bytes.readUInt16BE(offset);
    offset += 2;
  } else if (length === 127) {
    length = Number(bytes.readBigUInt64BE(offset));
    offset += 8;
  }
  const mask = (second & 128) !== 0 ? bytes.subarray(offset, offset + 4) : undefined;
  return { fin: (first & 128) !== 0, opcode: first & 15, length, mask };
}

export const readHeaderContest: Contest = {
  name: "readHeader",
  unit: "header",
  times: 2_000_000,
  contenders: [
    {
      name: "belfry",
      prepare() {
        const { bytes, at } = headers();
        const header = new FrameHeader();
        return (times) => {
          let sum = 0;
          for (let i = 0; i < times; i++) {
            const n = i & (FRAMES - 1);
            readHeader(bytes, at[n] as number, at[n + 1] as number, header);
            sum += header.length;
          }
          if (sum < 0) throw new Error("never");
        };
      },
    },
    {
      name: "naive",
      prepare() {
        const { bytes, at } = headers();
        return (times) => {
          let sum = 0;
          for (let i = 0; i < times; i++) sum += naiveHeader(bytes, at[i & (FRAMES - 1)] as number).length;
          if (sum < 0) throw new Error("never");
        };
      },
    },
  ],
};

/** Masking a payload of so many bytes. */
function maskContest(bytes: number): Contest {
  return {
    name: `cipher ${bytes < 1024 ? `${bytes} B` : `${bytes / 1024} KiB`}`,
    unit: "payload",
    bytes,
    times: Math.max(2000, Math.floor(400_000_000 / (bytes + 100))),
    contenders: [
      {
        name: "belfry",
        prepare() {
          const slab = Buffer.alloc(bytes + 64, 97);
          return (times) => {
            // A payload stands behind a header of 8 bytes, or wherever the last frame ended.
            for (let i = 0; i < times; i++) maskInPlace(slab, 8 + (i & 3), 8 + (i & 3) + bytes, KEY_WORD, 0);
          };
        },
      },
      {
        name: "ws",
        prepare() {
          const slab = Buffer.alloc(bytes + 64, 97);
          const payloads = [0, 1, 2, 3].map((i) => slab.subarray(8 + i, 8 + i + bytes));
          return (times) => {
            for (let i = 0; i < times; i++) bufferUtil.unmask(payloads[i & 3] as Buffer, KEY);
          };
        },
      },
      {
        name: "naive",
        prepare() {
          const slab = Buffer.alloc(bytes + 64, 97);
          return (times) => {
            for (let i = 0; i < times; i++) {
              const from = 8 + (i & 3);
              for (let j = 0; j < bytes; j++) slab[from + j] = (slab[from + j] as number) ^ (KEY[j & 3] as number);
            }
          };
        },
      },
    ],
  };
}

export const maskContests: readonly Contest[] = [32, 1024, 65_536].map(maskContest);

function maskedFrames(bytes: number): Buffer {
  const payload = Buffer.alloc(bytes, 97);
  maskInPlace(payload, 0, bytes, KEY_WORD, 0);
  const header = Buffer.alloc(14);
  const size = writeHeader(header, 0, FIN | opcodes.TEXT, bytes);
  header[1] = (header[1] as number) | 0x80;
  KEY.copy(header, size);
  const frame = Buffer.concat([header.subarray(0, size + 4), payload]);
  return Buffer.concat(Array.from({ length: FRAMES }, () => frame));
}

/** Frames from a client, 64 in one read, to messages. */
function readContest(bytes: number): Contest {
  return {
    name: `read messages of ${bytes} B`,
    unit: "message",
    times: 64 * 2000,
    contenders: [
      {
        name: "belfry",
        prepare() {
          const frames = maskedFrames(bytes);
          const slab = Buffer.alloc(frames.length);
          const rules = { server: true, rsvAllowed: 0, messageBytesMax: 1 << 20, fragmentsMax: 100 };
          const pool: Uint8Array[] = [];
          const reader = new MessageReader(rules, {
            take: (size) => pool.pop() ?? new Uint8Array(Math.max(size, 2048)),
            give: (buffer) => pool.push(buffer),
          });
          return (times) => {
            for (let done = 0; done < times; done += FRAMES) {
              slab.set(frames);
              for (let at = 0; at < slab.length; ) {
                at += reader.read(slab, at, slab.length);
                if (reader.length !== bytes) throw new Error("lost");
              }
            }
          };
        },
      },
      {
        name: "ws",
        prepare() {
          const frames = maskedFrames(bytes);
          const receiver = new Receiver({ isServer: true, allowSynchronousEvents: true });
          let got = 0;
          receiver.on("message", (data: Buffer) => {
            got += data.length;
          });
          return async (times) => {
            for (let done = 0; done < times; done += FRAMES) {
              // A copy, as the kernel would make it: the receiver unmasks in place.
              receiver.write(Buffer.from(frames));
            }
            await new Promise((resolve) => setImmediate(resolve));
            if (got === 0) throw new Error("lost");
          };
        },
      },
    ],
  };
}

export const readContests: readonly Contest[] = [32, 1024].map(readContest);

/** A server's frame for a payload of so many bytes. */
function writeContest(bytes: number): Contest {
  return {
    name: `write messages of ${bytes} B`,
    unit: "message",
    times: 500_000,
    contenders: [
      {
        name: "belfry",
        prepare() {
          const payload = Buffer.alloc(bytes, 97);
          const slab = Buffer.alloc(1 << 20);
          return (times) => {
            let at = 0;
            for (let i = 0; i < times; i++) {
              if (at + bytes + 14 > slab.length) at = 0;
              at += writeHeader(slab, at, FIN | opcodes.TEXT, bytes);
              slab.set(payload, at);
              at += bytes;
            }
          };
        },
      },
      {
        name: "ws",
        prepare() {
          const payload = Buffer.alloc(bytes, 97);
          return (times) => {
            let parts = 0;
            for (let i = 0; i < times; i++) {
              parts += Sender.frame(payload, { fin: true, rsv1: false, opcode: 1, mask: false, readOnly: true }).length;
            }
            if (parts === 0) throw new Error("never");
          };
        },
      },
    ],
  };
}

export const writeContests: readonly Contest[] = [32, 1024].map(writeContest);
