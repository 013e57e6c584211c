import { type Config, listenInternal, type VitalsDoor } from "../push/index.ts";

/** Opens the port for operators, if there is to be one; returns what closes it. Rejects with SystemError. */
export async function openInternalPort({ server }: Config, answers: VitalsDoor): Promise<() => Promise<void>> {
  const { internalPort: port, internalHost: host } = server;
  if (port === 0) return async () => {};
  const internal = await listenInternal(answers, { port, ...(host !== "" && { host }) });
  return () => internal.close();
}
