import * as v from "valibot";
import { BelfryError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { DriverChoice } from "../netpoll/index.ts";
import { check } from "../options.ts";
import type { DaemonTlsOptions } from "./tls-door.ts";

/** How a Bus behaves; defaults are in limits.ts, under `bus` and the same name. */
export interface DaemonOptions {
  /** What clients must show: a user and a password, or a token. With neither everybody is let in. */
  user?: string;
  password?: string;
  token?: string;
  /** The folder in which streams with storage "file" outlive a restart. Without it none does. */
  data?: string;
  /** What clients are told that the host is called. */
  name?: string;
  controlLineBytesMax?: number;
  payloadBytesMax?: number;
  pendingBytesMax?: number;
  subscriptionsMax?: number;
  pingSeconds?: number;
  pingsOutMax?: number;
  /** Lets clients in over TLS only; the portable driver alone knows it, and is taken then. */
  tls?: DaemonTlsOptions;
  driver?: DriverChoice;
  log?: Log;
}

/** Where it listens. */
export interface DaemonListenOptions {
  /** A numeric address; all of them when it is absent. */
  host?: string;
  /** Default 4222. */
  port?: number;
}

const count = v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)));
const text = v.optional(v.pipe(v.string(), v.nonEmpty()));
const pem = v.union([v.pipe(v.string(), v.nonEmpty()), v.instance(Buffer)]);

const daemonOptions = v.strictObject({
  user: text,
  password: text,
  token: text,
  name: text,
  data: text,
  controlLineBytesMax: v.optional(v.pipe(v.number(), v.integer(), v.minValue(512), v.maxValue(1_048_576))),
  payloadBytesMax: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(67_108_864))),
  pendingBytesMax: count,
  subscriptionsMax: count,
  pingSeconds: count,
  pingsOutMax: count,
  tls: v.optional(v.strictObject({ cert: pem, key: pem, ca: v.optional(pem) })),
  driver: v.optional(v.picklist(["auto", "native", "portable"])),
  log: v.optional(v.custom((value) => typeof value === "object" && value !== null)),
});

/** Throws BELFRY_BAD_OPTION that names the option, its value and what is allowed. */
export function checkDaemonOptions(options: DaemonOptions): void {
  check(daemonOptions, options, "createDaemon");
  if (options.tls && options.driver === "native") {
    throw new BelfryError(
      "BELFRY_BAD_OPTION",
      'createDaemon: tls needs the driver "portable"; leave out the option driver',
    );
  }
}
