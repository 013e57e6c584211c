export { BufferPool } from "./buffer-pool.ts";
export { type Task, WorkerPool } from "./worker-pool.ts";
