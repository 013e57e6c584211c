import { createServer } from "../../../src/index.ts";
import { withChannels } from "./channel.ts";
import { serves } from "./serve.ts";

// The article's last step: the upgrade is read where it lies too, and no HTTP server knows of the connection.

const server = createServer({ ...withChannels, driver: "native" });
serves((await server.listen({ host: "127.0.0.1" })).port);
