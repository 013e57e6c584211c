import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createServer } from "belfry";
import { answerText } from "belfry/ws";
import { ask } from "./ask.ts";

const loud = createServer({ packet: (connection, packet) => connection.send(packet.text().toUpperCase()) });
const twice = createServer({ packet: (connection, packet) => connection.send(packet.text().repeat(2)) });

const http = createHttpServer();
http.on("upgrade", (request, socket, head) => {
  if (request.url === "/loud") loud.upgradeHTTP(request, socket, head);
  else if (request.url === "/twice") twice.upgradeHTTP(request, socket, head);
  else socket.on("error", () => {}).end(answerText(404, "nothing is here")); // a reset must not end the process
});

await once(http.listen(0), "listening");
const { port } = http.address() as AddressInfo;
console.log(await ask(`ws://localhost:${port}/loud`, ["hello"]));
console.log(await ask(`ws://localhost:${port}/twice`, ["hello"]));
await Promise.all([loud.close(), twice.close()]);
http.close();
