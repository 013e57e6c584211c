import { connect, type Socket } from "node:net";

/**
 * Holds connections that answer pings and do nothing else. Arguments: the port, how many, the path, and whether they
 * say the protocol's connect. Says "held" when all are there.
 */
const [port = "0", count = "0", path = "/", connects = ""] = process.argv.slice(2);
const AT_ONCE = 100;
const PING = 0x89;
const request =
  `GET ${path} HTTP/1.1\r\nHost: bench\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
/** Masked with four zeros. */
const frame = (opcode: number, text: string) =>
  Buffer.concat([Buffer.from([0x80 | opcode, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)]);
const pong = frame(10, "");
const protocolPong = frame(1, "{}");

for (let held = 0; held < Number(count); held += AT_ONCE) {
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, Number(count) - held) }, hold));
}
process.stdout.write("held\n");

async function hold(): Promise<void> {
  const socket = connect(Number(port), "127.0.0.1");
  socket.once("close", () => process.exit(1));
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.once("data", () => {
      if (connects !== "") socket.write(frame(1, '{"id":1,"connect":{}}'));
      socket.on("data", (chunk) => answer(socket, chunk));
      resolve();
    });
    socket.write(request);
  });
}

function answer(socket: Socket, chunk: Buffer): void {
  if (chunk[0] === PING) socket.write(pong);
  else if (chunk.subarray(2).toString("latin1") === "{}") socket.write(protocolPong);
}
