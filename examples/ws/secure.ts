import { once } from "node:events";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { createServer } from "belfry";
import { ConnectionError, connectNet } from "belfry/dial";
import { ask } from "./ask.ts";
import { pem } from "./certificate.ts";

// Node speaks TLS here; the native driver takes what a proxy has decrypted.
const server = createServer({ driver: "portable", packet: (connection, packet) => connection.send(packet) });
const https = createHttpsServer({ key: pem, cert: pem });
server.attach(https);
await once(https.listen(0), "listening");
const url = `wss://localhost:${(https.address() as AddressInfo).port}/`;

// A certificate that nobody has signed but itself is trusted when you say so.
const stranger = await ask(url, ["secret"]).catch((error: unknown) => error);
if (stranger instanceof ConnectionError) console.log(stranger.errno);
console.log(await ask(url, ["secret"], { connect: connectNet({ tls: { ca: pem } }) }));
await server.close();
https.close();
