import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { SystemError } from "../../src/errors.ts";
import { ConfigError, type MailConfig, readConfig } from "./config.ts";
import { mailLimits } from "./limits.ts";
import { type Log, reasonOf } from "./log.ts";
import { Storage } from "./storage.ts";

/** Says it on the terminal. */
export const log: Log = {
  info: (line) => console.log(line),
  warn: (line) => console.warn(line),
  error: (line) => console.error(line),
};

/** A server that runs, and how to end it. */
export interface Running {
  readonly greeting: string;
  /** Ends all of it, in the order in which a notification travels. */
  close(): Promise<void>;
  /** Ends what must not be left half done, now. */
  endNow(): void;
}

/** Starts what the environment asks for, says where it is, and ends it upon a signal; a failure ends the process. */
export async function run(start: (config: MailConfig) => Promise<Running>): Promise<void> {
  try {
    endOnSignals(await start(readConfig(process.env)));
  } catch (error) {
    log.error(reasonOf(error));
    process.exit(error instanceof ConfigError ? 2 : 1);
  }
}

/** The Storage in its folder. */
export function openStorage(dataDir: string): Storage {
  try {
    mkdirSync(dataDir, { recursive: true });
  } catch (error) {
    throw new Error(`Cannot make the folder DATA_DIR=${dataDir}: ${reasonOf(error)}`, { cause: error });
  }
  return new Storage(join(dataDir, "mail.db"));
}

/** Waits for a listener, and turns a failure into one sentence that says what to do. */
export async function listening<T>(variable: string, port: number, listen: Promise<T>): Promise<T> {
  try {
    return await listen;
  } catch (error) {
    if (systemName(error) === "EADDRINUSE") {
      throw new Error(`Port ${port} is in use: stop what uses it, or choose another with ${variable}=…`);
    }
    throw new Error(`Cannot listen on ${variable}=${port}: ${reasonOf(error)}`, { cause: error });
  }
}

/** The name of a failed system call's error: Belfry's errors have it in `errno`, Node's in `code`. */
function systemName(error: unknown): unknown {
  if (error instanceof SystemError) return error.errno;
  return error instanceof Error && "code" in error ? error.code : undefined;
}

/** Where something listens. */
export interface Address {
  readonly address: string;
  readonly port: number;
}

/** What to do next. */
export function greeting(web: Address, smtp: Address): string {
  const page = `http://${reachable(web)}/`;
  const send = `curl smtp://${reachable(smtp)} --mail-from you@example.com --mail-rcpt demo@localhost -T -`;
  const port = smtp.port === 2525 ? "" : `SMTP_PORT=${smtp.port} `;
  return [
    `Open   ${page}`,
    `SMTP   ${reachable(smtp)}   any address is a mailbox; the page shows demo@localhost, ?mailbox=… another`,
    "",
    "Keep the page open and send a mail from a second terminal:",
    `  ${port}npm run mail -- demo@localhost "Hello"`,
    "or with curl, or any other mail program:",
    `  printf 'Subject: Hello\\n\\nIt works.\\n' | ${send}`,
    "",
    "Ctrl-C ends.",
  ].join("\n");
}

/** Where to reach a listener from this machine, also when it listens on all addresses. */
function reachable({ address, port }: Address): string {
  if (address === "0.0.0.0" || address === "::") return `localhost:${port}`;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** The first signal ends in order, within a bounded time; another one ends now. */
function endOnSignals(running: Running): void {
  let first = 0;
  const finish = (code: number) => {
    running.endNow();
    process.exit(code);
  };
  const onSignal = () => {
    if (first > 0) {
      // npm hands on a Ctrl-C that the terminal has sent to this process as well: that is one signal, not two.
      if (performance.now() - first > 300) finish(1);
      return;
    }
    first = performance.now();
    setTimeout(() => finish(0), mailLimits.closeMs).unref();
    running.close().then(
      () => finish(0),
      (error) => {
        log.error(`Ending failed: ${reasonOf(error)}`);
        finish(1);
      },
    );
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  log.info(running.greeting);
}
