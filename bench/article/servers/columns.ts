import { createServer } from "../../../src/index.ts";
import { serves } from "./serve.ts";

// One step beyond the article: no object either. What is known of a connection stands in typed arrays.

const server = createServer({ driver: "native", packet: (connection, packet) => void connection.send(packet) });
serves((await server.listen({ host: "127.0.0.1" })).port);
