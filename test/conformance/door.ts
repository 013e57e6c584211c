import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { agreementOf, wrongAnswer } from "./deflate.ts";
import type { EchoClient, EchoEndpoint, EchoServer } from "./endpoint.ts";
import { type Head, readHead, upgradeAnswer, upgradeRequest } from "./handshake.ts";
import { SILENCE_MS, Tester } from "./tester.ts";

/** What the tester says of extensions. */
export interface Terms {
  /** As a client: the lines of its offer. */
  readonly offers: readonly string[];
  /** As a server: its answer to a client's offer. */
  readonly answer: (offer: string | undefined) => string | undefined;
}

/** No extension is offered, and none accepted. */
export const noExtensions: Terms = { offers: [], answer: () => undefined };

/** Where connections to the endpoint under test come from. */
export interface Door {
  /** Makes a connection that is upgraded; rejects if the handshake, or what was agreed on, is wrong. */
  open(terms: Terms): Promise<Tester>;
  /** Makes a connection and returns the endpoint's half of the handshake: an answer, or a request. */
  knock(terms: Terms): Promise<Head & { readonly socket: Socket }>;
  close(): Promise<unknown>;
}

/** Starts the endpoint. */
export function openDoor(endpoint: EchoEndpoint): Promise<Door> {
  return endpoint.role === "server" ? doorOfServer(endpoint) : doorOfClient(endpoint);
}

async function doorOfServer(endpoint: EchoServer): Promise<Door> {
  const { port, stop } = await endpoint.start();
  const knock = async ({ offers }: Terms) => {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    socket.on("error", () => {}).setTimeout(SILENCE_MS, () => socket.destroy());
    await once(socket, "connect");
    const { text, accept } = upgradeRequest(offers);
    socket.write(text);
    const head = await readHead(socket);
    if (upgraded(head.first) && head.headers.get("sec-websocket-accept") !== accept) {
      socket.destroy();
      throw new Error("the value of Sec-WebSocket-Accept is wrong (4.2.2)");
    }
    return { ...head, socket };
  };
  const open = async (terms: Terms) => {
    const { first, headers, rest, socket } = await knock(terms);
    const answer = headers.get("sec-websocket-extensions");
    const wrong = answer === undefined ? undefined : wrongAnswer(terms.offers.join(), answer);
    if (!upgraded(first) || wrong) {
      socket.destroy();
      throw new Error(wrong ? `the answer ${answer} to ${terms.offers.join()}: ${wrong}` : `not upgraded: ${first}`);
    }
    return new Tester(socket, "client", rest, answer === undefined ? undefined : agreementOf(answer, "client"));
  };
  return { open, knock, close: stop };
}

function upgraded(statusLine: string): boolean {
  return statusLine.startsWith("HTTP/1.1 101 ");
}

async function doorOfClient(endpoint: EchoClient): Promise<Door> {
  const waiting = new Map<string, (head: Head & { socket: Socket }) => void>();
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
    readHead(socket).then(
      (head) => waiting.get(head.first.split(" ")[1] ?? "")?.({ ...head, socket }),
      () => socket.destroy(),
    );
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  let count = 0;
  const knock = (_terms: Terms) => {
    const path = `/conformance/${count++}`;
    const knocked = new Promise<Head & { socket: Socket }>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error("the client did not send its request")), SILENCE_MS);
      waiting.set(path, (head) => {
        clearTimeout(late);
        resolve(head);
      });
    });
    endpoint.connect(`ws://127.0.0.1:${port}${path}`);
    return knocked.finally(() => waiting.delete(path));
  };
  const open = async (terms: Terms) => {
    const head = await knock(terms);
    const answer = terms.answer(head.headers.get("sec-websocket-extensions"));
    head.socket.write(upgradeAnswer(head, answer), "latin1");
    const agreement = answer === undefined ? undefined : agreementOf(answer, "server");
    return new Tester(head.socket, "server", head.rest, agreement);
  };
  const close = () => {
    const closed = once(server.close(), "close");
    // Where a case failed its connection may still be there.
    for (const socket of sockets) socket.destroy();
    return closed;
  };
  return { open, knock, close };
}
