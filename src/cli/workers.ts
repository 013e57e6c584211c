import { fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { availableParallelism } from "node:os";
import { createDaemon } from "../daemon/index.ts";
import { limits } from "../limits.ts";
import type { Log } from "../log.ts";
import { type Config, type PushServer, WEBSOCKET_PATH } from "../push/index.ts";
import { createServer, type ListeningAddress } from "../server.ts";
import { Crew, questions } from "./crew.ts";
import { onSignals } from "./ending.ts";
import { Inquiries } from "./inquiries.ts";
import { openInternalPort } from "./internal-port.ts";
import { type ProcessEvents, type Process as Started, Supervisor } from "./supervisor.ts";

/** Where a worker listens, and the address of the Bus that it shares with the others. */
export interface WorkerPlace {
  readonly port: number;
  readonly bus: string;
}

/** What parent and worker say to each other. */
const words = { ready: "ready", drain: "drain", hurry: "hurry" } as const;

/** Others may read a command line, but not the environment: the address of the Bus holds a token. */
const VARIABLE = "BELFRY_WORKER_PLACE";

/** The place of this process if it is a worker; taken out of the environment. */
export function takeWorkerPlace(env: NodeJS.ProcessEnv): WorkerPlace | undefined {
  const place = env[VARIABLE];
  delete env[VARIABLE];
  return place === undefined ? undefined : (JSON.parse(place) as WorkerPlace);
}

/** The worker's side: says that it serves. */
export function sayReady(): void {
  process.send?.(words.ready);
}

/** How a worker ends; each resolves when nothing is left to do. */
export interface WorkerEndings {
  readonly drain: () => Promise<void>;
  /** May come in the midst of a drain. */
  readonly hurry: () => Promise<void>;
  /** The parent is gone. */
  readonly abandon: () => Promise<void>;
}

/**
 * The worker's side: answers what the parent asks of `vitals`, and asks it for the metrics of all workers, which is
 * what is returned. It rejects when the parent has none to give.
 */
export function answerParent(vitals: () => PushServer["vitals"]): () => Promise<string> {
  const inquiries = new Inquiries(
    (message) => process.send?.(message, undefined, undefined, () => {}),
    async (what) => {
      if (what === questions.metrics) return await vitals().metricsJson();
      if (what === questions.health) return await vitals().health();
      if (what === questions.unready) return await vitals().unready();
      throw new RangeError(what);
    },
  );
  process.on("message", (message) => inquiries.take(message));
  process.once("disconnect", () => inquiries.close());
  // The parent waits for its workers meanwhile.
  return async () => (await inquiries.ask(questions.metrics, 2 * limits.workerAnswerMsMax)) as string;
}

/**
 * The worker's side: ends as the parent says, when the parent is gone, or in order upon SIGTERM, which whoever stops a
 * whole group sends to all of it. A Ctrl-C reaches all processes of a terminal, and is the parent's to answer.
 */
export function endWithParent({ drain, hurry, abandon }: WorkerEndings): void {
  const end = (work: Promise<void>, code: number) => void work.finally(() => process.exit(code));
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => end(drain(), 0));
  process.on("message", (word) => {
    if (word === words.drain) end(drain(), 0);
    else if (word === words.hurry) end(hurry(), 0);
  });
  process.once("disconnect", () => end(abandon(), 1));
  if (!process.connected) end(abandon(), 1);
}

/**
 * The parent's side: as many processes of this same command as the configuration says, on one port and one Bus. Rejects
 * with SystemError when the port is taken.
 */
export async function runWorkers(config: Config, log: Log): Promise<void> {
  const { workers } = config.server;
  const count = workers === 0 ? availableParallelism() : workers;
  const { at, release } = await claimPort(config);
  const crew = new Crew(count, config.health.secondsMax);
  const closeInternalPort = await openInternalPort(config, crew.answers).catch(async (error) => {
    await release();
    throw error;
  });
  const bus = config.bus.url === "" ? await ownBus(log) : { url: config.bus.url, close: async () => {} };
  const place: WorkerPlace = { port: at.port, bus: bus.url };
  const supervisor = new Supervisor({ count, log, start: (events) => startWorker(place, crew, events) });
  let isClosing = false;
  const close = async (how: "drain" | "hurry") => {
    isClosing = true;
    await supervisor.close(how, secondsOf(how, config));
    await bus.close();
    await closeInternalPort();
  };
  const kill = () => supervisor.kill();
  onSignals(log, { drain: () => void close("drain"), hurry: () => void close("hurry"), kill });
  const served = await supervisor.start();
  await release();
  if (isClosing) return;
  if (served > 0) {
    log.info(
      `${served} workers listening on ${at.address} port ${at.port}: ws://localhost:${at.port}${WEBSOCKET_PATH}`,
    );
    return;
  }
  log.error("no worker could be started");
  process.exitCode = 1;
  await close("hurry");
}

/** How long a worker may take to end. */
function secondsOf(how: "drain" | "hurry", { server, shutdown }: Config): number {
  if (how === "hurry") return server.closeSecondsMax;
  return shutdown.delaySeconds + limits.listenerLingerMs / 1000 + shutdown.spreadSeconds + server.closeSecondsMax;
}

/**
 * Finds out whether the port can be had by itself: workers would share it with whomever of this user has it already. A
 * port that the kernel chose is held until it is released, since nobody else may get it before the workers have it.
 */
async function claimPort({ server: { port, host, reusePort, driver } }: Config): Promise<{
  at: ListeningAddress;
  release: () => Promise<void>;
}> {
  const server = createServer({ driver, upgrade: () => ({ status: 503, reason: "not yet" }) });
  try {
    const where = { port, ...(host !== "" && { host }) };
    const at = await server.listen({ ...where, reusePort: reusePort || port === 0 });
    if (port !== 0) await server.close();
    return { at, release: () => server.close() };
  } catch (error) {
    await server.close();
    throw error;
  }
}

/** A Bus for this machine alone, which nobody knows how to enter but the workers. */
async function ownBus(log: Log): Promise<{ url: string; close: () => Promise<void> }> {
  const token = randomBytes(24).toString("hex");
  const daemon = createDaemon({ token, log });
  const { address, port } = await daemon.listen({ host: "127.0.0.1", port: 0 });
  return { url: `nats://${token}@${address}:${port}`, close: () => daemon.close() };
}

function startWorker(place: WorkerPlace, crew: Crew, { ready, ended }: ProcessEvents): Started {
  const child = fork(process.argv[1] as string, process.argv.slice(2), {
    env: { ...process.env, [VARIABLE]: JSON.stringify(place) },
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const member = crew.join((message) => void child.send(message, () => {}));
  child.on("message", (word) => {
    if (word !== words.ready) return member.take(word);
    member.serves();
    ready();
  });
  child.once("exit", (code, signal) => {
    member.left();
    ended(signal === null ? `with code ${code}` : `by ${signal}`);
  });
  // Without a process there is no exit either; an error of a process that runs is followed by one.
  child.on("error", (error) => child.pid === undefined && ended(`before it began: ${error.message}`));
  return {
    pid: child.pid,
    // The channel of a process that has just ended cannot be written to, and need not.
    close: (how) => void child.send(words[how], () => {}),
    kill: () => void child.kill("SIGKILL"),
  };
}
