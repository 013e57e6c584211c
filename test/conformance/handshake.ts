import { createHash, randomBytes } from "node:crypto";
import type { Socket } from "node:net";

/** RFC 6455, section 4, as the tester speaks it, and the grammar of extensions (9.1). */

/** The head of a request or an answer, and the octets that came behind it. */
export interface Head {
  readonly first: string;
  /** Names in small letters; lines of the same name are joined. */
  readonly headers: ReadonlyMap<string, string>;
  readonly rest: Buffer;
}

/** Reads a head; rejects when the stream ends before. */
export function readHead(socket: Socket): Promise<Head> {
  return new Promise((resolve, reject) => {
    let bytes = Buffer.alloc(0);
    const take = (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      const end = bytes.indexOf("\r\n\r\n");
      if (end < 0) return;
      socket.pause().off("data", take).off("end", gone).off("close", gone);
      resolve(parseHead(bytes.toString("latin1", 0, end), bytes.subarray(end + 4)));
    };
    const gone = () =>
      reject(new Error(`the connection ended amid a head: ${JSON.stringify(bytes.toString("latin1"))}`));
    socket.on("data", take).on("end", gone).on("close", gone);
  });
}

function parseHead(text: string, rest: Buffer): Head {
  const [first = "", ...lines] = text.split("\r\n");
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    headers.set(name, headers.has(name) ? `${headers.get(name)}, ${value}` : value);
  }
  return { first, headers, rest };
}

/** A request for an upgrade, with a line for each of `offers`. */
export function upgradeRequest(offers: readonly string[]): { text: string; accept: string } {
  const key = randomBytes(16).toString("base64");
  const lines = [
    "GET /conformance HTTP/1.1",
    "Host: 127.0.0.1",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Key: ${key}`,
    "Sec-WebSocket-Version: 13",
    ...offers.map((offer) => `Sec-WebSocket-Extensions: ${offer}`),
  ];
  return { text: `${lines.join("\r\n")}\r\n\r\n`, accept: acceptOf(key) };
}

/** The 101 answer to a client's request, with the extension if there is one. Throws if the request breaks 4.1. */
export function upgradeAnswer({ first, headers }: Head, extension: string | undefined): string {
  const key = headers.get("sec-websocket-key") ?? "";
  const right =
    /^GET \/\S* HTTP\/1\.1$/.test(first) &&
    headers.has("host") &&
    headers.get("upgrade")?.toLowerCase() === "websocket" &&
    /\bupgrade\b/i.test(headers.get("connection") ?? "") &&
    headers.get("sec-websocket-version") === "13" &&
    Buffer.from(key, "base64").length === 16;
  if (!right) throw new Error(`not a request for an upgrade: ${first} ${JSON.stringify([...headers])}`);
  const lines = [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${acceptOf(key)}`,
    ...(extension === undefined ? [] : [`Sec-WebSocket-Extensions: ${extension}`]),
  ];
  return `${lines.join("\r\n")}\r\n\r\n`;
}

function acceptOf(key: string): string {
  return createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
}

/** An extension with its parameters in their order; one without a value has `true`. */
export interface Extension {
  readonly name: string;
  readonly parameters: readonly (readonly [name: string, value: string | true])[];
}

/** Reads a list of extensions whose quoted values hold no separators. */
export function parseExtensions(list: string): Extension[] {
  return list.split(",").map((extension) => {
    const [name = "", ...parameters] = extension.split(";").map((part) => part.trim());
    return {
      name,
      parameters: parameters.map((parameter) => {
        const [key = "", value] = parameter.split("=");
        return [key, value === undefined ? true : value.replace(/^"(.*)"$/, "$1")] as const;
      }),
    };
  });
}
