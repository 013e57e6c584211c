import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** What is asked of a run: as JSON in the first argument. */
export interface LoadOrder {
  readonly port: number;
  /** Whose CPU is read. */
  readonly pid: number;
  readonly subscribers: number;
  readonly bytes: number;
  readonly publications: number;
  /** Publications a second; 0 for as many as it takes. */
  readonly rate: number;
}

/** What came of it: as JSON on stdout. */
export interface LoadResult {
  readonly publicationsPerSecond: number;
  readonly cpuNsPerDelivery: number;
  /** From the publication to its delivery, in milliseconds; of runs with a rate. */
  readonly p50: number;
  readonly p99: number;
}

const SUBJECT = "bench.a";
const TICK_MS = 1;
const STAMP_BYTES = 16;
const SAMPLES_EVERY = 61;
const NS = 1e9;

const order = JSON.parse(process.argv[2] ?? "") as LoadOrder;
process.stdout.write(JSON.stringify(await run(order)));
process.exit(0);

async function run({ port, pid, subscribers, bytes, publications, rate }: LoadOrder): Promise<LoadResult> {
  const messageBytes = `MSG ${SUBJECT} 1 ${bytes}\r\n\r\n`.length + bytes;
  const delays: number[] = [];
  const all: Promise<void>[] = [];
  for (let i = 0; i < subscribers; i++) {
    const socket = await open(port, `SUB ${SUBJECT} 1\r\nPING\r\n`, "PONG\r\n");
    all.push(receive(socket, messageBytes, publications, rate > 0 && i === 0 ? delays : undefined));
  }
  const publisher = await open(port, "PING\r\n", "PONG\r\n");
  publisher.resume();
  const [cpu, since] = [cpuNs(pid), process.hrtime.bigint()];
  const last =
    rate > 0 ? await paced(publisher, bytes, publications, rate) : await flood(publisher, bytes, publications);
  await Promise.all([last, ...all]);
  const seconds = Number(process.hrtime.bigint() - since) / NS;
  delays.sort((a, b) => a - b);
  const percentile = (p: number) => delays[Math.floor(delays.length * p)] ?? 0;
  return {
    publicationsPerSecond: publications / seconds,
    cpuNsPerDelivery: (cpuNs(pid) - cpu) / publications / subscribers,
    p50: percentile(0.5),
    p99: percentile(0.99),
  };
}

/** A client that has said `text` and was answered; nothing of the protocol stands between then and the messages. */
async function open(port: number, text: string, answer: string): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.setNoDelay();
  socket.write(`CONNECT {"verbose":false,"pedantic":false}\r\n${text}`);
  await new Promise<void>((resolve, reject) => {
    let said = "";
    socket.once("error", reject);
    socket.on("data", function heard(chunk: Buffer) {
      said += chunk.toString("latin1");
      if (!said.endsWith(answer)) return;
      socket.off("data", heard);
      socket.pause();
      resolve();
    });
  });
  return socket;
}

/** Messages have all the same length, so they are counted by their bytes; of one in 61 the stamp is read. */
async function receive(socket: Socket, messageBytes: number, publications: number, delays: number[] | undefined) {
  const want = messageBytes * publications;
  let got = 0;
  /** Where the next message begins whose stamp is read, in all that comes. */
  let next = 0;
  const sample = (chunk: Buffer, now: bigint) => {
    for (;;) {
      // A server may say PING in between.
      const from = next >= got && next < got + chunk.length ? chunk.indexOf("MSG ", next - got) : -1;
      if (from < 0 || from + messageBytes > chunk.length) break;
      const end = from + messageBytes - 2;
      delays?.push(Number(now - BigInt(`0x${chunk.toString("latin1", end - STAMP_BYTES, end)}`)) / 1e6);
      next = got + from + messageBytes * SAMPLES_EVERY;
    }
    // A message that is cut by the end of a piece is not looked at.
    next = Math.max(next, got + chunk.length);
  };
  await new Promise<void>((resolve, reject) => {
    socket.once("close", () => reject(new Error("a subscriber was cut: the Bus took it for slow")));
    socket.on("data", (chunk: Buffer) => {
      if (delays) sample(chunk, process.hrtime.bigint());
      got += chunk.length;
      if (got >= want) resolve();
    });
    socket.resume();
  });
}

async function flood(socket: Socket, bytes: number, publications: number): Promise<void> {
  const each = 500;
  const chunk = Buffer.from(publication("0".repeat(bytes)).repeat(each));
  for (let sent = 0; sent < publications; sent += each) {
    if (!socket.write(chunk)) await new Promise((resolve) => socket.once("drain", resolve));
  }
}

/** Open loop: what is due at a time is sent then, with the time at which it was due. */
async function paced(socket: Socket, bytes: number, publications: number, rate: number): Promise<void> {
  const begin = process.hrtime.bigint();
  for (let sent = 0; sent < publications; ) {
    const now = process.hrtime.bigint();
    const due = Math.min(publications, Math.floor((Number(now - begin) / NS) * rate));
    if (due > sent) {
      const stamp = now.toString(16).padStart(bytes, "0");
      socket.write(publication(stamp).repeat(due - sent));
      sent = due;
    }
    await sleep(TICK_MS);
  }
}

function publication(payload: string): string {
  return `PUB ${SUBJECT} ${payload.length}\r\n${payload}\r\n`;
}

/** User and system time of a process, in nanoseconds. */
function cpuNs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 1e7;
}
