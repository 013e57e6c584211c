import { once } from "node:events";
import { createServer as createHttpServer, request } from "node:http";
import { type AddressInfo, connect as connectTcp } from "node:net";
import type { Duplex } from "node:stream";
import { createServer } from "belfry";
import { type Connect, SocketTransport } from "belfry/dial";
import { ask } from "./ask.ts";

/** Connects through an HTTP proxy's tunnel (RFC 9110, 9.3.6). */
function through(proxyUrl: string): Connect {
  return async (target, signal) => {
    const path = `${target.host}:${target.port}`;
    const asking = request(proxyUrl, { method: "CONNECT", path, headers: { Host: path }, signal }).end();
    const [{ statusCode }, socket] = await once(asking, "connect");
    if (statusCode !== 200) throw new Error(`the proxy answered ${statusCode}`);
    return new SocketTransport(socket);
  };
}

// A proxy, and a server behind it.
const proxy = createHttpServer().on("connect", (asked, client: Duplex) => {
  const { hostname, port } = new URL(`tcp://${asked.url}`);
  const server = connectTcp(Number(port), hostname, () => client.write("HTTP/1.1 200 Connected\r\n\r\n"));
  client.pipe(server).pipe(client);
});
await once(proxy.listen(0), "listening");
const server = createServer({ packet: (connection, packet) => connection.send(packet) });
const { port } = await server.listen();

const connect = through(`http://localhost:${(proxy.address() as AddressInfo).port}`);
console.log(await ask(`ws://localhost:${port}/`, ["hello through a tunnel"], { connect }));
await server.close();
proxy.close();
