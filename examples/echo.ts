import { Command, InvalidArgumentError } from "commander";
import { createServer } from "../src/index.ts";

// Sends every message back. The README's ten-line server is this file without its options.
const options = new Command("echo")
  .description("a WebSocket server that sends every message back")
  .option("--port <number>", "where to listen", readPort, 9001)
  .option("--host <address>", "numeric address to listen on", "127.0.0.1")
  .option("--driver <name>", "auto, native or portable", "auto")
  .option("--deflate", "agree on permessage-deflate", false)
  .parse()
  .opts<{ port: number; host: string; driver: "auto" | "native" | "portable"; deflate: boolean }>();

const server = createServer({
  driver: options.driver,
  zeroCopy: true,
  // As much as the Autobahn test suite sends in one message, several times over.
  messageBytesMax: 64 << 20,
  outboxBytesMax: 128 << 20,
  deflate: options.deflate,
  log: { info: console.log, warn: console.warn, error: console.error },
  packet(connection, packet) {
    connection.send(packet);
  },
});
const { address, port } = await server.listen({ port: options.port, host: options.host });
console.log(`echo: ws://${address}:${port}/`);
process.once("SIGINT", () => void server.close());
process.once("SIGTERM", () => void server.close());
// The benchmark asks for a collection before it reads the memory; only with --expose-gc there is one to make.
process.on("SIGUSR2", () => (globalThis as { gc?: () => void }).gc?.());

function readPort(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 0 && number <= 65_535) return number;
  throw new InvalidArgumentError("Allowed are whole numbers from 0 to 65535.");
}
