import { mkdirSync, readdirSync, readFileSync, truncateSync } from "node:fs";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { BelfryError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { type Entry, endOfRecord, readRecord } from "./record.ts";

/** What {@link StreamLog} needs of its stream. */
export interface StreamLogParts {
  /** Everything that is live, as records, when a shorter log is to be written. */
  readonly snapshot: () => Iterable<Buffer>;
  /** Bytes that are live, about. */
  readonly liveBytes: () => number;
  readonly error: (line: string) => void;
}

const DIGITS = 12;

/**
 * A stream on disk: an append-only log in segments. Records that come while a batch is written and synced are the next
 * batch; who waits for one is told when it is on the disk. When most of the log is of the past, what is live is written
 * to a new segment, and the others go.
 */
export class StreamLog {
  readonly #folder: string;
  readonly #parts: StreamLogParts;
  #segment: number;
  #file: FileHandle | undefined;
  /** Bytes of all segments. */
  #bytes: number;
  #pending: Buffer[] = [];
  #waiting: ((error?: Error) => void)[] = [];
  #running: Promise<void> | undefined;
  #failure: Error | undefined;

  private constructor(folder: string, segment: number, bytes: number, parts: StreamLogParts) {
    this.#folder = folder;
    this.#segment = segment;
    this.#bytes = bytes;
    this.#parts = parts;
  }

  /**
   * Opens a log, hands what it holds to `replay` in order, and cuts off what a crash has left of a last record. Throws
   * BELFRY_BAD_STATE when a segment before the last is damaged.
   */
  static open(folder: string, parts: StreamLogParts, replay: (entry: Entry) => void): StreamLog {
    mkdirSync(folder, { recursive: true });
    const segments = readdirSync(folder)
      .filter((name) => name.endsWith(".log"))
      .sort();
    let bytes = 0;
    segments.forEach((name, i) => {
      bytes += readSegment(join(folder, name), i === segments.length - 1, replay);
    });
    const last = segments.at(-1);
    return new StreamLog(folder, last === undefined ? 1 : Number.parseInt(last, 10), bytes, parts);
  }

  /** Appends a record; `then` is called when it is on the disk, or cannot be brought there. */
  append(record: Buffer, then?: (error?: Error) => void): void {
    if (this.#failure) return void then?.(this.#failure);
    this.#pending.push(record);
    if (then) this.#waiting.push(then);
    this.#running ??= this.#run();
  }

  /** Calls `then` when all that was appended before is on the disk. */
  after(then: (error?: Error) => void): void {
    if (this.#failure || !this.#running) return then(this.#failure);
    this.#waiting.push(then);
  }

  /** Writes what is left, and closes. */
  async close(): Promise<void> {
    await this.#running;
    await this.#file?.close();
    this.#file = undefined;
  }

  /** Removes the log from the disk. */
  async remove(): Promise<void> {
    await this.close();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #run(): Promise<void> {
    while (this.#pending.length > 0 || this.#waiting.length > 0) {
      const [records, waiting] = [this.#pending, this.#waiting];
      this.#pending = [];
      this.#waiting = [];
      try {
        await this.#write(records);
      } catch (error) {
        this.#failure = error as Error;
        this.#parts.error(`the log ${this.#folder} cannot be written: ${this.#failure.message}`);
      }
      for (const then of waiting) then(this.#failure);
    }
    this.#running = undefined;
  }

  async #write(records: readonly Buffer[]): Promise<void> {
    this.#file ??= await this.#opened();
    if (records.length > 0) {
      const { bytesWritten } = await this.#file.writev([...records]);
      const expected = records.reduce((sum, { length }) => sum + length, 0);
      if (bytesWritten !== expected) throw new Error(`${bytesWritten} of ${expected} bytes were written`);
      await this.#file.datasync();
      this.#bytes += expected;
    }
    if (this.#bytes > Math.max(limits.busLogBytesMin, 2 * this.#parts.liveBytes())) await this.#shorten();
  }

  /** Writes what is live to a new segment; it counts from the moment at which it has its name. */
  async #shorten(): Promise<void> {
    const next = this.#segment + 1;
    const path = this.#path(next);
    const file = await open(`${path}.new`, "w");
    let bytes = 0;
    for (const record of this.#parts.snapshot()) {
      await file.write(record);
      bytes += record.length;
    }
    await file.datasync();
    await rename(`${path}.new`, path);
    await syncFolder(this.#folder);
    await this.#file?.close();
    this.#file = file;
    for (const name of readdirSync(this.#folder)) {
      if (name.endsWith(".log") && Number.parseInt(name, 10) < next) await rm(join(this.#folder, name));
    }
    this.#segment = next;
    this.#bytes = bytes;
  }

  async #opened(): Promise<FileHandle> {
    const file = await open(this.#path(this.#segment), "a");
    await syncFolder(this.#folder);
    return file;
  }

  #path(segment: number): string {
    return join(this.#folder, `${String(segment).padStart(DIGITS, "0")}.log`);
  }
}

/** Reads a segment; returns the bytes of what is sound. */
function readSegment(path: string, isLast: boolean, replay: (entry: Entry) => void): number {
  const bytes = readFileSync(path);
  let at = 0;
  for (let end = endOfRecord(bytes, at); end > 0; end = endOfRecord(bytes, at)) {
    replay(readRecord(bytes, at, end));
    at = end;
  }
  if (at === bytes.length) return at;
  if (!isLast) {
    const what = `${path} is damaged at byte ${at}: bring it back from a copy, or remove it and all before it`;
    throw new BelfryError("BELFRY_BAD_STATE", what);
  }
  truncateSync(path, at);
  return at;
}

/** A name that was given is on the disk with its folder. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  await folder.sync();
  await folder.close();
}
