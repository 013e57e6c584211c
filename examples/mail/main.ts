import { MemoryBroker } from "../../src/bus/index.ts";
import { createPushServer } from "../../src/push/index.ts";
import { Announcer } from "./announcer.ts";
import type { MailConfig } from "./config.ts";
import { createMailHttp } from "./http.ts";
import { greeting, listening, log, openStorage, type Running, run } from "./run.ts";
import { MailReceiver } from "./smtp.ts";

await run(start);

/** The whole of the article in one process: SMTP → Storage → Bus → notification API → WebSocket. */
async function start(config: MailConfig): Promise<Running> {
  const storage = openStorage(config.dataDir);
  const broker = new MemoryBroker();
  const announcer = new Announcer(broker, log);
  const receiver = new MailReceiver({ storage, announcer, log });
  const smtp = await listening("SMTP_PORT", config.smtpPort, receiver.listen(config.smtpPort, config.host));
  const push = createPushServer({
    broker,
    allowAnonymous: true,
    allowSubscribe: (channel: string) => channel.startsWith("mail:"),
    http: createMailHttp({ storage, announcer, log, info: () => ({ smtp: { host: smtp.address, port: smtp.port } }) }),
    log,
  });
  const web = await listening("PORT", config.port, push.listen({ port: config.port, host: config.host }));
  return {
    greeting: greeting(web, smtp),
    close: async () => {
      await receiver.close();
      await announcer.settled();
      await push.close();
      await broker.close();
    },
    endNow: () => storage.close(),
  };
}
