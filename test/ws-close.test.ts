import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  CONTROL_PAYLOAD_BYTES_MAX,
  closeCodes,
  closeReason,
  isLibraryCloseCode,
  isPrivateCloseCode,
  isProtocolCloseCode,
  readClose,
  readCloseCode,
  validCloseCode,
  writeClosePayload,
} from "../src/ws/index.ts";
import { binary, bits, join, refused, utf8 } from "./ws-bits.ts";

const { PROTOCOL_ERROR, INVALID_PAYLOAD, NO_STATUS } = closeCodes;

// ---- Codes ------------------------------------------------------------------------------------------------------------

test("closeCodes holds every registered code of the protocol, each once", () => {
  const codes = Object.values(closeCodes).sort();
  const registered = [1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 1015];
  assert.deepEqual(codes, [...registered, 3008]);
});

test("the ranges of 7.4.2 lie side by side, and no code is in two of them", () => {
  for (let code = 0; code < 65_536; code++) {
    const expected = [code >= 1000 && code < 3000, code >= 3000 && code < 4000, code >= 4000 && code < 5000];
    assert.deepEqual(
      [isProtocolCloseCode(code), isLibraryCloseCode(code), isPrivateCloseCode(code)],
      expected,
      String(code),
    );
  }
});

test("closeReason has a text of its own for every code of closeCodes, and says of the others whose they are", () => {
  const texts = Object.values(closeCodes).map(closeReason);
  assert.equal(new Set(texts).size, texts.length);
  assert.equal(closeReason(1001), "going away");
  for (const [code, text] of [
    [1004, "unknown code 1004 of the protocol"],
    [2999, "unknown code 2999 of the protocol"],
    [3000, "code 3000 of a library"],
    [4999, "code 4999 of the application"],
    [999, "999 is no close code"],
    [5000, "5000 is no close code"],
  ] as const) {
    assert.equal(closeReason(code), text);
    assert.ok(!texts.includes(text));
  }
});

test("validCloseCode allows what 7.4 lets an endpoint send, and nothing else of 65536", () => {
  const listed = new Set([1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014]);
  for (let code = 3000; code < 5000; code++) listed.add(code);
  for (let code = 0; code < 65_536; code++) assert.equal(validCloseCode(code), listed.has(code), String(code));
  for (const code of [-1, 65_536, 1000.5, 3000.5, Number.NaN, Infinity]) assert.equal(validCloseCode(code), false);
});

const closePayloads: readonly [what: string, payload: Uint8Array, code: number, refusal: boolean][] = [
  ["is empty", bits(""), NO_STATUS, false],
  ["is 1000 alone", bits(binary(1000, 16)), 1000, false],
  ["is 4999 and a reason", join(bits(binary(4999, 16)), utf8("tschüß 👋")), 4999, false],
  ["is one byte", bits("00000011"), PROTOCOL_ERROR, true],
  ["is 1005, which is never sent", bits(binary(1005, 16)), PROTOCOL_ERROR, true],
  ["is 0", bits(binary(0, 16)), PROTOCOL_ERROR, true],
  ["is 65535", bits(binary(65_535, 16)), PROTOCOL_ERROR, true],
  ["has a reason that is not UTF-8", join(bits(binary(1000, 16)), Uint8Array.of(0x61, 0xff)), INVALID_PAYLOAD, true],
  [
    "has a reason that ends within a character",
    join(bits(binary(1000, 16)), Uint8Array.of(0xe2, 0x82)),
    INVALID_PAYLOAD,
    true,
  ],
];
for (const [what, payload, code, refusal] of closePayloads) {
  test(`readCloseCode ${refusal ? "refuses" : "reads"} a payload that ${what}: ${code} (5.5.1)`, () => {
    const around = join(Uint8Array.of(0xff), payload, Uint8Array.of(0xff));
    const read = () => readCloseCode(around, 1, 1 + payload.length);
    if (refusal) refused(read, code);
    else assert.equal(read(), code);
  });
}

// ---- Payloads ---------------------------------------------------------------------------------------------------------

const pictures: readonly [code: number, reason: string, picture: string][] = [
  [1000, "", "00000011 11101000"],
  [1001, "bye", "00000011 11101001  01100010 01111001 01100101"],
  [3008, "ü", "00001011 11000000  11000011 10111100"],
  [4999, "\u{FEFF}", "00010011 10000111  11101111 10111011 10111111"],
];
for (const [code, reason, picture] of pictures) {
  test(`writeClosePayload writes ${code} and ${JSON.stringify(reason)} as drawn, and readClose reads it (5.5.1)`, () => {
    const payload = bits(picture);
    const out = new Uint8Array(payload.length + 2).fill(0xaa);
    assert.equal(writeClosePayload(out, 1, code, reason), payload.length);
    assert.deepEqual(out, join(Uint8Array.of(0xaa), payload, Uint8Array.of(0xaa)));
    assert.deepEqual(readClose(out, 1, 1 + payload.length), { code, reason });
  });
}

test("readClose gives 1005 and no reason for an empty payload, and refuses what readCloseCode refuses", () => {
  assert.deepEqual(readClose(Uint8Array.of(0x61), 1, 1), { code: NO_STATUS, reason: "" });
  for (const [, payload, code, refusal] of closePayloads) {
    if (refusal) refused(() => readClose(payload, 0, payload.length), code);
  }
});

test("readClose undoes writeClosePayload, for every code that may be sent and every reason that fits", () => {
  const reasons = fc.string({ unit: "grapheme", maxLength: 123 }).filter((reason) => utf8(reason).length <= 123);
  fc.assert(
    fc.property(fc.integer({ min: 1000, max: 4999 }).filter(validCloseCode), reasons, fc.nat(5), (code, reason, at) => {
      const bytes = new Uint8Array(at + CONTROL_PAYLOAD_BYTES_MAX);
      const size = writeClosePayload(bytes, at, code, reason);
      assert.deepEqual(readClose(bytes, at, at + size), { code, reason });
    }),
  );
});

test("writeClosePayload takes a reason of closeReasonBytesMax bytes, and refuses one byte more", () => {
  const bytes = new Uint8Array(200);
  assert.equal(writeClosePayload(bytes, 0, 1000, "x".repeat(123)), CONTROL_PAYLOAD_BYTES_MAX);
  assert.equal(writeClosePayload(bytes, 0, 1000, "€".repeat(41)), CONTROL_PAYLOAD_BYTES_MAX);
  for (const reason of ["x".repeat(124), "€".repeat(41).concat("x"), "x".repeat(100_000)]) {
    assert.throws(() => writeClosePayload(bytes, 0, 1000, reason), {
      code: "BELFRY_BAD_OPTION",
      message: /closeReasonBytesMax is 123/,
    });
  }
});

test("writeClosePayload refuses every code that may not be sent", () => {
  for (const code of [-1, 0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_536, 66_536, 1000.5, Number.NaN]) {
    assert.throws(() => writeClosePayload(new Uint8Array(9), 0, code), {
      code: "BELFRY_BAD_OPTION",
      message: `the close code ${code} may not be sent: 1000-1003, 1007-1014, 3000-4999 may`,
    });
  }
});

test("writeClosePayload takes the room of its payload, and refuses one byte less without writing any", () => {
  assert.equal(writeClosePayload(new Uint8Array(8), 3, 1000, "bye"), 5);
  const tight = new Uint8Array(7);
  assert.throws(() => writeClosePayload(tight, 3, 1000, "bye"), {
    code: "BELFRY_BAD_OPTION",
    message: /do not fit at 3/,
  });
  assert.deepEqual(tight, new Uint8Array(7));
});
