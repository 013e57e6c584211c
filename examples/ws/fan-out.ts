import { CompiledMessage, type Connection, createServer } from "belfry";
import { dial } from "belfry/dial";
import { messages } from "belfry/ws";

const readers = new Map<number, Connection>();
const server = createServer({
  open: (connection) => readers.set(connection.id, connection),
  close: (connection) => readers.delete(connection.id),
});
const { port } = await server.listen();

function publish(text: string): void {
  const message = new CompiledMessage(text);
  for (const reader of readers.values()) reader.send(message);
}

const clients = await Promise.all([1, 2, 3].map(() => dial(`ws://localhost:${port}/`)));
publish("breaking news");
for (const { source, write } of clients) {
  for await (const message of messages(source, { server: false, send: write })) {
    console.log(message.text());
    break;
  }
}
await server.close();
