import { createServer, HandshakeError } from "belfry";
import { ConnectionError, dial } from "belfry/dial";

const server = createServer({
  upgrade: (request) =>
    request.header("authorization") === "Bearer secret"
      ? { protocol: "v1.chat" }
      : { status: 401, reason: "who are you?" },
});
const { port } = await server.listen();
const url = `ws://localhost:${port}/chat?room=1`;

const { protocol, destroy } = await dial(url, {
  protocols: ["v2.chat", "v1.chat"],
  headers: { Authorization: "Bearer secret" },
  signal: AbortSignal.timeout(5000),
});
console.log("the server speaks", protocol);
destroy();

const refused = await dial(url).catch((error: unknown) => error);
if (refused instanceof HandshakeError) console.log("refused with", refused.status);

await server.close();
const failed = await dial(url).catch((error: unknown) => error);
if (failed instanceof ConnectionError) console.log("not connected:", failed.errno);
