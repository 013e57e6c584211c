import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { HandshakeError } from "../../src/errors.ts";
import {
  ANSWER_BYTES,
  asksForWebSocket,
  checkUpgrade,
  RequestHead,
  readHead,
  UpgradeRequest,
  writeAnswer,
} from "../../src/ws/index.ts";
import { assertUntouched, fence, guards, latin1, mutated, text } from "../bytes.ts";
import { rightHeads, upgradeRequests } from "../heads.ts";
import { type NaiveRequest, naiveRequest } from "../naive-head.ts";
import type { Property } from "../property.ts";

interface Input {
  readonly bytes: Uint8Array;
  readonly guard: Uint8Array;
}

const requests = fc.oneof({ weight: 4, arbitrary: upgradeRequests.map(latin1) }, rightHeads.map(latin1));

/** The opening handshake, from the head that was read to the answer. */
export const upgrade: Property<Input> = {
  name: "upgrade",
  proves: "checkUpgrade refuses what RFC 6455, 4.2.1, refuses, throws nothing else, and writeAnswer answers the rest",
  share: 8,
  inputs: fc.record({ bytes: fc.oneof(requests, mutated(requests, 2)), guard: guards }),
  check({ bytes, guard }) {
    const verdict = naiveRequest(text(bytes));
    if (!("head" in verdict)) return;
    const { all, from, to } = fence(bytes, guard);
    const head = new RequestHead();
    assert.equal(readHead(all, from, to, head), verdict.head.size);
    checkHandshake(head, verdict.head, guard);
    // While the application decides, the head lies elsewhere, and its old place is used for others.
    head.moveTo(all.slice(from), from);
    all.fill(0x2a);
    checkHandshake(head, verdict.head, guard);
  },
};

function checkHandshake(head: RequestHead, said: NaiveRequest, guard: Uint8Array): void {
  assert.equal(asksForWebSocket(head), holds(said, "upgrade", "websocket"), "asksForWebSocket");
  checkRequest(new UpgradeRequest(head, () => "::1"), said);
  const status = naiveStatus(said);
  assert.equal(statusOf(head), status, "checkUpgrade");
  if (status === 0) checkAnswer(head, said, guard);
}

function statusOf(head: RequestHead): number {
  try {
    checkUpgrade(head);
    return 0;
  } catch (error) {
    if (error instanceof HandshakeError) return error.status;
    throw error;
  }
}

function valuesOf({ headers }: NaiveRequest, wanted: string): string[] {
  return headers.filter(([name]) => name.toLowerCase() === wanted).map(([, value]) => value);
}

/** RFC 9110, 5.3 and 5.6.1: lines of one name are one list. */
function holds(head: NaiveRequest, name: string, token: string): boolean {
  // A comma within quotes parts nothing, and quotes that do not end quote all the rest.
  const members = valuesOf(head, name).flatMap(
    (value) => value.match(/(?:"(?:\\[\s\S]|[^"\\])*(?:"|\\?$)|[^,"])*/g) ?? [],
  );
  return members.some((member) => member.replace(/^[\t ]+|[\t ]+$/g, "").toLowerCase() === token);
}

/** The points of 4.2.1, in Belfry's order. */
function naiveStatus(head: NaiveRequest): number {
  const [key] = valuesOf(head, "sec-websocket-key");
  const [length = "0"] = valuesOf(head, "content-length");
  if (head.method !== "GET") return 405;
  if (head.minor === 0) return 505;
  if (!valuesOf(head, "host").every((host) => /^[-._~!$&'()*+,;=:%[\]0-9A-Za-z]*$/.test(host))) return 400;
  if (valuesOf(head, "host").length === 0) return 400;
  if (!holds(head, "connection", "upgrade")) return 400;
  if (length !== "0" || valuesOf(head, "transfer-encoding").length > 0) return 400;
  if (valuesOf(head, "sec-websocket-version")[0] !== "13") return 426;
  if (key === undefined || !/^[A-Za-z0-9+/]{21}[AQgw]==$/.test(key)) return 400;
  return 0;
}

/** What the application is shown. */
function checkRequest(request: UpgradeRequest, { target, headers }: NaiveRequest): void {
  const [path, ...query] = target.split("?");
  assert.equal(request.url, target);
  assert.equal(request.path, path);
  assert.equal(String(request.query), String(new URLSearchParams(query.join("?"))));
  for (const [name] of headers) {
    const joint = name.toLowerCase() === "cookie" ? "; " : ", ";
    const values = headers.filter(([other]) => other.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
    assert.equal(request.header(name.toUpperCase()), values.join(joint), name);
  }
  assert.ok(
    request.protocols.every((name) => name !== "" && !name.includes(",")),
    "protocols",
  );
}

function checkAnswer(head: RequestHead, said: NaiveRequest, guard: Uint8Array): void {
  const out = fence(new Uint8Array(ANSWER_BYTES + 6), guard);
  assert.equal(writeAnswer(head, out.all, out.from, "A: b\r\n"), ANSWER_BYTES + 6);
  assertUntouched(out, guard);
  const key = valuesOf(said, "sec-websocket-key")[0] as string;
  const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  const expected =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
    `Sec-WebSocket-Accept: ${accept}\r\nA: b\r\n\r\n`;
  assert.equal(text(out.all.subarray(out.from, out.to)), expected);
}
