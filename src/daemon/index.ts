export { createDaemon, Daemon } from "./daemon.ts";
export type { DaemonListenOptions, DaemonOptions } from "./daemon-options.ts";
