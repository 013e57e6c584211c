import { connect } from "node:net";
import { parentPort, workerData } from "node:worker_threads";

/** Where to connect, and how many connections are on their way at once. */
export interface FloodOrder {
  readonly port: number;
  readonly concurrency: number;
}

/** What became of the connections until now; a refusal is by its code, or by what was answered. */
export interface FloodCount {
  readonly opened: number;
  readonly refusals: Readonly<Record<string, number>>;
}

// The thread of test/handover.test.ts that opens WebSockets, and resets each as soon as it is open, until it is told to stop.
const { port, concurrency } = workerData as FloodOrder;
const refusals: Record<string, number> = {};
let opened = 0;
let isStopped = false;
let left = concurrency;

parentPort?.on("message", () => {
  isStopped = true;
});
for (let i = 0; i < concurrency; i++) open();

function open(): void {
  const socket = connect(port, "127.0.0.1");
  let answer = "";
  let error = "";
  socket.setNoDelay(true);
  socket.write(
    "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
      "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
  );
  socket.on("data", (bytes) => {
    answer += bytes.toString("latin1");
    socket.resetAndDestroy();
  });
  socket.on("error", (reason: NodeJS.ErrnoException) => {
    error = reason.code ?? reason.message;
  });
  socket.on("end", () => socket.destroy());
  socket.on("close", () => {
    if (answer.startsWith("HTTP/1.1 101")) opened++;
    else {
      const why = answer.split("\r\n", 1)[0] || error || "ended";
      refusals[why] = (refusals[why] ?? 0) + 1;
    }
    parentPort?.postMessage({ opened, refusals } satisfies FloodCount);
    if (!isStopped) return open();
    left--;
    if (left === 0) parentPort?.close();
  });
}
