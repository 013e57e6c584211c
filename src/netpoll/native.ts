import { closeSync, openSync } from "node:fs";
import { Socket } from "node:net";
import { devNull } from "node:os";
import { SystemError } from "../errors.ts";
import { type Binding, type Poll, RECORD } from "./binding.ts";
import { errnoName, errnoNumber } from "./errno.ts";
import type { Netpoll } from "./netpoll.ts";

/** Records of one wait: an event of the kernel gives at most two, and accepts fill what is left. */
const RECORDS_MAX = 4096;

/** The driver over `native/netpoll.c`: a descriptor is the kernel's own, and nothing is kept for it here. */
export class NativeNetpoll implements Netpoll {
  readonly driver = "native";
  readonly slab: Buffer;
  readonly inputBytes: number;
  readonly records = new Int32Array(RECORDS_MAX * RECORD);
  readonly #binding: Binding;
  readonly #poll: Poll;

  constructor(binding: Binding, inputBytes: number, outputBytes: number, ready: () => void) {
    this.#binding = binding;
    this.inputBytes = inputBytes;
    this.slab = Buffer.from(new ArrayBuffer(inputBytes + outputBytes));
    const poll = binding.open(this.slab, this.records, inputBytes, ready);
    if (typeof poll === "number") throw new SystemError(errnoName(poll), "open the poll");
    this.#poll = poll;
    binding.watching(poll, 1);
  }
  wait(): number {
    return this.#binding.wait(this.#poll);
  }
  watching(on: boolean): void {
    this.#binding.watching(this.#poll, on ? 1 : 0);
  }
  async listen(address: string, port: number, backlog: number, flags: number): Promise<number> {
    return this.#binding.listen(this.#poll, address, port, backlog, flags);
  }
  deafen(listener: number): number {
    return this.#binding.deafen(listener);
  }
  keepAlive(listener: number, seconds: number): number {
    return this.#binding.keepAlive(listener, seconds);
  }
  rest(listener: number): void {
    this.#binding.rest(this.#poll, listener);
  }
  resume(listener: number): void {
    this.#binding.resume(this.#poll, listener);
  }
  pass(listener: number, to: Netpoll): number {
    if (!(to instanceof NativeNetpoll)) return errnoNumber("EINVAL");
    const released = this.#binding.release(this.#poll, listener);
    if (released < 0) return released;
    const resumed = this.#binding.resume(to.#poll, listener);
    return resumed < 0 ? resumed : listener;
  }
  accepts(max: number): void {
    this.#binding.accepts(this.#poll, max);
  }
  connect(address: string, port: number, source: string): number {
    return this.#binding.connect(this.#poll, address, port, source);
  }
  arm(fd: number, interest: number): number {
    return this.#binding.arm(this.#poll, fd, interest);
  }
  flush(list: Int32Array, count: number): number {
    return this.#binding.flush(this.slab, list, count);
  }
  multicast(bytes: Uint8Array, length: number, fds: Int32Array, count: number, results: Int32Array): number {
    return this.#binding.multicast(bytes, length, fds, count, results);
  }
  send(fd: number, bytes: Uint8Array, offset: number, length: number): number {
    return this.#binding.send(fd, bytes, offset, length);
  }
  shutdown(fd: number): number {
    return this.#binding.shutdown(fd);
  }
  close(fd: number): number {
    return this.#binding.close(fd);
  }
  peer(fd: number): string | number {
    return this.#binding.peer(fd);
  }
  local(fd: number): string | number {
    return this.#binding.local(fd);
  }
  adopt(socket: Socket): number {
    // The descriptor of a TLS socket carries the cipher, which is of no use without the socket.
    if ("encrypted" in socket) return errnoNumber("ENOTSUP");
    const fd = (socket as unknown as { _handle?: { fd?: number } })._handle?.fd ?? -1;
    const copy = this.#binding.adopt(this.#poll, fd);
    if (copy >= 0) socket.destroy();
    return copy;
  }
  detach(fd: number): Socket {
    const released = this.#binding.release(this.#poll, fd);
    if (released < 0) throw new SystemError(errnoName(released), `detach descriptor ${fd}`);
    return new Socket({ fd, readable: true, writable: true, allowHalfOpen: true });
  }
  reserve(): number {
    // Nothing but a descriptor that the kernel gives to nobody else.
    return openSync(devNull, "r");
  }
  unreserve(fd: number): void {
    closeSync(fd);
  }
  destroy(): void {
    this.#binding.destroy(this.#poll);
  }
}
