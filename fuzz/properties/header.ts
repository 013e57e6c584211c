import assert from "node:assert/strict";
import fc from "fast-check";
import { ProtocolError } from "../../src/errors.ts";
import { FrameHeader, HEADER_BYTES_MAX, headerSize, readHeader, writeHeader } from "../../src/ws/index.ts";
import { keyNumber } from "../../test/ws-bits.ts";
import { fence, guards, mutated } from "../bytes.ts";
import { naiveHeader } from "../naive-frames.ts";
import type { Property } from "../property.ts";
import { encode } from "../streams.ts";

interface Input {
  readonly bytes: Uint8Array;
  readonly guard: Uint8Array;
}

/** Where the form of a length changes, and where it ends. */
const edges = [0n, 125n, 126n, 127n, 255n, 256n, 65_535n, 65_536n, 2n ** 32n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n];
const lengths = fc.oneof(
  fc.constantFrom(...edges.flatMap((edge) => (edge === 0n ? [edge] : [edge - 1n, edge]))),
  fc.nat(300).map(BigInt),
  fc.integer({ min: 65_000, max: 66_000 }).map(BigInt),
  fc.nat(64).chain((bits) => fc.bigInt({ min: 0n, max: 2n ** BigInt(bits) - 1n })),
  fc.bigInt({ min: 2n ** 53n - 300n, max: 2n ** 53n + 300n }),
);

const written = fc
  .record({
    fin: fc.boolean(),
    rsv: fc.nat(7),
    opcode: fc.nat(15),
    key: fc.option(
      fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes) => [...bytes]),
      { nil: undefined },
    ),
    form: fc.constantFrom(undefined, undefined, 16 as const, 64 as const),
    announced: lengths,
  })
  .map((frame) => encode({ ...frame, payload: new Uint8Array(0) }));

/** Headers, in every form, and what is nearly one. */
export const header: Property<Input> = {
  name: "header",
  proves: "readHeader reads what a BigInt reads, in every cut; writeHeader writes the minimal form of it",
  share: 12,
  inputs: fc.record({ bytes: fc.oneof(written, mutated(written, 2), fc.uint8Array({ maxLength: 16 })), guard: guards }),
  check({ bytes, guard }) {
    const { all, from, to } = fence(bytes, guard);
    const read = new FrameHeader();
    const expected = naiveHeader(bytes);
    const size = expected?.size ?? bytes.length + 1;
    for (let end = from; end < to && end - from < size; end++) assert.equal(readHeader(all, from, end, read), 0);
    if (!expected) return assert.equal(readHeader(all, from, to, read), 0);
    assert.ok(size <= HEADER_BYTES_MAX);
    if (expected.refusal) return refused(() => readHeader(all, from, to, read), expected.refusal);
    const { fin, rsv, opcode, key, length } = expected;
    assert.equal(readHeader(all, from, from + size, read), size);
    assert.equal(readHeader(all, from, all.length, read), size, "what follows is not looked at");
    const { maskKey, ...rest } = read;
    assert.deepEqual(rest, { fin, rsv, opcode, masked: key !== undefined, length: Number(length) });
    assert.equal(maskKey, key ? keyNumber(key) : 0);
    if (!key) checkWriting(bytes.subarray(0, size), Number(length), guard);
  },
};

/** An unmasked header that was read is written as the same bytes. */
function checkWriting(bytes: Uint8Array, length: number, guard: Uint8Array): void {
  const { all, from, to } = fence(new Uint8Array(bytes.length), guard);
  assert.equal(writeHeader(all, from, bytes[0] as number, length), bytes.length);
  assert.equal(headerSize(length), bytes.length);
  assert.deepEqual(all, fence(bytes, guard).all, `${to - from} bytes`);
}

function refused(work: () => unknown, closeCode: number): void {
  assert.throws(work, (error) => error instanceof ProtocolError && error.closeCode === closeCode);
}
