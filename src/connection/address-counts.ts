import { networkOf } from "../network.ts";

/** The number of a network that stands for none. */
const NONE = 0;
const CAPACITY_MIN = 1024;

/**
 * How many connections each address has, or each network of 64 bits for IPv6. A connection costs the four bytes of its
 * network's number; a network costs an entry as long as it has connections.
 */
export class AddressCounts {
  readonly #max: number;
  readonly #numbers = new Map<string, number>();
  readonly #names: string[] = [""];
  readonly #counts: number[] = [0];
  readonly #free: number[] = [];
  #networkOf = new Uint32Array(CAPACITY_MIN);

  /** `max` connections are allowed for each. */
  constructor(max: number) {
    this.#max = max;
  }

  /** How many networks have connections. */
  get size(): number {
    return this.#numbers.size;
  }

  /**
   * Counts a connection of an address; false, and nothing is counted, when the address has its `max` already. Who has
   * none, since he comes through a Unix socket, may enter.
   */
  enter(fd: number, address: string): boolean {
    if (address === "") return true;
    const name = networkOf(address);
    const number = this.#numbers.get(name) ?? this.#intern(name);
    if ((this.#counts[number] as number) >= this.#max) return false;
    this.#counts[number] = (this.#counts[number] as number) + 1;
    if (fd >= this.#networkOf.length) this.#grow(fd);
    this.#networkOf[fd] = number;
    return true;
  }

  /** The connection is gone. One that was not counted changes nothing. */
  leave(fd: number): void {
    const number = this.#networkOf[fd] ?? NONE;
    if (number === NONE) return;
    this.#networkOf[fd] = NONE;
    const left = (this.#counts[number] as number) - 1;
    this.#counts[number] = left;
    if (left > 0) return;
    this.#numbers.delete(this.#names[number] as string);
    this.#names[number] = "";
    this.#free.push(number);
  }

  #intern(name: string): number {
    const number = this.#free.pop() ?? this.#names.length;
    this.#names[number] = name;
    this.#counts[number] = 0;
    this.#numbers.set(name, number);
    return number;
  }

  #grow(fd: number): void {
    const larger = new Uint32Array(2 ** (32 - Math.clz32(fd)));
    larger.set(this.#networkOf);
    this.#networkOf = larger;
  }
}
