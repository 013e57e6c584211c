import { createServer as createHttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createServer } from "../../../src/index.ts";
import { withChannels } from "./channel.ts";
import { serves } from "./serve.ts";

// The article's netpoll, behind the standard HTTP server: it reads the upgrade, and then the connection leaves Node.

const http = createHttpServer();
createServer({ ...withChannels, driver: "native" }).attach(http);
http.listen(0, "127.0.0.1", () => serves((http.address() as AddressInfo).port));
