import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer } from "belfry";
import express from "express";
import { ask } from "./ask.ts";

const app = express();
app.get("/", (_, response) => void response.send("a page"));
const http = app.listen(0);

// The one new line of the application, and its handlers.
const server = createServer({ packet: (connection, packet) => connection.send(packet) });
server.attach(http, { path: "/ws" });

await once(http, "listening");
const { port } = http.address() as AddressInfo;
console.log(await (await fetch(`http://localhost:${port}/`)).text());
console.log(await ask(`ws://localhost:${port}/ws`, ["a message"]));
await server.close();
http.close();
