import { setTimeout as wait } from "node:timers/promises";
import { ConnectionError } from "../dial/index.ts";
import { HandshakeError } from "../errors.ts";
import { limits } from "../limits.ts";
import { Client, type ClientOptions, LostError, type Position } from "./client.ts";

/** How a channel is followed. */
export interface FollowOptions extends Omit<ClientOptions, "token"> {
  /** A token for each connection; "" for none. */
  readonly token: () => Promise<string> | string;
  /** The connection is lost, or could not be made; in so many milliseconds it is tried again. */
  readonly lost: (why: string, ms: number) => void;
}

/**
 * Listens to a channel over as many connections as it takes, each of which goes on where the last one ended, until the
 * signal is aborted. Returns the position then. Throws when there is no use in trying again.
 */
export async function follow(options: FollowOptions): Promise<Position | undefined> {
  const { signal } = options;
  let { since } = options;
  let attempts = 0;
  while (!signal.aborted) {
    const subscribed: ClientOptions["subscribed"] = (at, recovered) => {
      attempts = 0;
      options.subscribed(at, recovered);
    };
    const client = new Client({ ...options, since, subscribed, token: await options.token() });
    try {
      await client.run();
    } catch (error) {
      if (!signal.aborted && !passes(error)) throw error;
      if (!signal.aborted) await pause(options, (error as Error).message, attempts++);
    }
    since = client.position;
  }
  return since;
}

/** Whether what went wrong may be over in a while. */
function passes(error: unknown): boolean {
  if (error instanceof HandshakeError) return error.status >= 500 || error.status === 429;
  if (error instanceof ConnectionError) return error.code !== "BELFRY_BAD_OPTION";
  return error instanceof LostError;
}

async function pause({ signal, lost }: FollowOptions, why: string, attempts: number): Promise<void> {
  const ms = backoff(attempts, Math.random());
  lost(why, ms);
  await wait(ms, undefined, { signal }).catch(() => {});
}

/**
 * How many milliseconds to wait before the next attempt, after so many that failed: longer each time, and at random, so
 * that those who were lost together do not come back together. `random` is from 0 to 1.
 */
export function backoff(attempts: number, random: number): number {
  const { reconnectMs, reconnectMsMax } = limits;
  return Math.min(reconnectMsMax, reconnectMs + random * Math.min(reconnectMsMax, reconnectMs * 2 ** attempts));
}
