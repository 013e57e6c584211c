import { createServer } from "../../src/index.ts";
import { createPushServer } from "../../src/push/index.ts";

/** A server that finds dead peers in one way. Arguments: the mode, and the seconds between two signs of life. */
const [mode = "", seconds = "25"] = process.argv.slice(2);
const NEVER = 86_400;
const where = { host: "127.0.0.1", port: 0 };

/** How each mode listens. */
const modes: Readonly<Record<string, () => Promise<{ port: number }>>> = {
  nothing: () => createServer({ heartbeatSeconds: NEVER }).listen(where),
  "ping frames": () => createServer({ heartbeatSeconds: Number(seconds) }).listen(where),
  "pings of the protocol": () =>
    // Its pongs are signs of life, so that no ping frame is sent besides.
    createPushServer({ allowAnonymous: true, pingSeconds: Number(seconds) }).listen(where),
  "TCP keepalive": () =>
    createServer({ heartbeatSeconds: NEVER }).listen({ ...where, keepAliveSeconds: Number(seconds) }),
};

const { port } = (await modes[mode]?.()) ?? { port: 0 };
process.stdout.write(`port ${port}\n`);
