export { createDaemon, Daemon } from "./daemon.ts";
export type { DaemonListenOptions, DaemonOptions } from "./daemon-options.ts";
export type { DaemonTlsOptions } from "./tls-door.ts";
