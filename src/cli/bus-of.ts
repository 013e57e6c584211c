import { type Broker, connectNats, MemoryBroker } from "../bus/index.ts";
import type { Log } from "../log.ts";
import type { Config } from "../push/index.ts";

/** The Bus of the configuration: that of an address, or the memory of this process. */
export async function busOf({ bus, history }: Config, log: Log): Promise<Broker> {
  if (bus.url === "") return new MemoryBroker(Date.now, history.bytesMax);
  const { url, prefix, historySizeMax, historySecondsMax, historyStorage, historyReplicas } = bus;
  const { credentialsFile, nkeyFile, tlsCaFile, tlsCertFile, tlsKeyFile } = bus;
  const tls = {
    ...(tlsCaFile !== "" && { ca: tlsCaFile }),
    ...(tlsCertFile !== "" && { cert: tlsCertFile }),
    ...(tlsKeyFile !== "" && { key: tlsKeyFile }),
  };
  const broker = await connectNats({
    ...{ url, prefix, historySizeMax, historySecondsMax, historyStorage, historyReplicas, log },
    historyBytesMax: history.bytesMax,
    ...(credentialsFile !== "" && { credentialsFile }),
    ...(nkeyFile !== "" && { nkeyFile }),
    ...(Object.keys(tls).length > 0 && { tls }),
  });
  log.info(`the Bus is ${url.replace(/\/\/[^@]*@/, "//")}`);
  return broker;
}
