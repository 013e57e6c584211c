import { createServer } from "belfry";

const server = createServer({
  upgrade: (request) => (request.header("cookie") ? undefined : { status: 401, reason: "who are you?" }),
  open: (connection) => connection.send(`hello, ${connection.remoteAddress}`),
  packet: (connection, packet) => connection.send(packet),
  close: (connection, code, reason) => console.log(connection.id, code, reason),
});
const { port } = await server.listen({ port: 8080 });
console.log(`ws://localhost:${port}/`);
