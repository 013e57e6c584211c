import { connectNats, type NatsOptions } from "../src/bus/index.ts";
import { createPushServer } from "../src/push/index.ts";
import { HISTORY } from "./numbered.ts";

/** A notification API in a process of its own, quicker to start than the whole CLI; see `startApi`. */

const { port, bus } = JSON.parse(process.argv[2] as string) as { port: number; bus: NatsOptions };
const say = (line: string) => void process.stdout.write(`${line}\n`);
const log = { error: say, warn: say, info: say };

const broker = await connectNats({ ...bus, log });
const withoutNamespace = {
  historySize: HISTORY.size,
  historySeconds: HISTORY.seconds,
  forceRecovery: true,
  allowSubscribeForClient: true,
  allowSubscribeForAnonymous: true,
};
const server = createPushServer({ broker, allowAnonymous: true, channels: { withoutNamespace }, log });
await server.listen({ host: "127.0.0.1", port });
say("listening");
