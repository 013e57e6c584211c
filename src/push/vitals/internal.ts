import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { SystemError } from "../../errors.ts";
import { type VitalsDoor, vitalsDoor } from "./door.ts";

/** A port for operators that is open. */
export interface InternalPort {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Answers what operators ask for on a port of their own. It is a plain HTTP server, so that it answers also while the
 * other one lets nobody in. Rejects with SystemError.
 */
export async function listenInternal(
  answers: VitalsDoor,
  { port, host }: { readonly port: number; readonly host?: string },
): Promise<InternalPort> {
  const door = vitalsDoor(answers);
  const server = createServer((request, response) => {
    if (!door(request, response)) response.writeHead(404).end();
  });
  try {
    await once(server.listen({ port, ...(host !== undefined && { host }) }), "listening");
  } catch (error) {
    const errno = (error as NodeJS.ErrnoException).code ?? "EINVAL";
    throw new SystemError(errno, `listen on the internal port ${port} (server.internalPort)`);
  }
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      const closed = once(server, "close");
      server.close().closeAllConnections();
      await closed;
    },
  };
}
