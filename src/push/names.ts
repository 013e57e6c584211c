import { BelfryError } from "../errors.ts";
import { limits } from "../limits.ts";

const NONE = -1;
const CAPACITY_MIN = 1024;
const ARENA_MIN = 16_384;
const BYTES_MAX = limits.channelBytesMax;

/**
 * Interned names: each gets a small number. Names lie as bytes in one arena, and an open-addressing table of numbers
 * finds them, so that millions of names are five arrays and not millions of strings in a Map: about 25 bytes and the
 * name's own.
 */
export class Names {
  readonly #scratch = Buffer.alloc(BYTES_MAX);
  /** Slots of the table: a name's number, or NONE. At most half are taken. */
  #slots = new Int32Array(CAPACITY_MIN * 2).fill(NONE);
  #hashes = new Int32Array(CAPACITY_MIN);
  /** Where a name begins in the arena: a byte of length, then the bytes. For a free number the next free one. */
  #at = new Int32Array(CAPACITY_MIN);
  #arena = Buffer.alloc(ARENA_MIN);
  #arenaEnd = 0;
  #arenaLost = 0;
  #free = NONE;
  #high = 0;
  #size = 0;

  /** How many names there are. */
  get size(): number {
    return this.#size;
  }
  /** One more than the highest number ever given: columns by number need this many entries. */
  get high(): number {
    return this.#high;
  }

  /** The name's number, NONE (-1) if it has none. A name over 255 bytes has none. */
  find(name: string): number {
    const length = this.#encode(name);
    return length < 0 ? NONE : (this.#slots[this.#slotOf(length, hash(this.#scratch, length))] as number);
  }

  /** The name's number, a new one if it had none. Throws BELFRY_LIMIT for a name over 255 bytes. */
  intern(name: string): number {
    const length = this.#encode(name);
    if (length < 0) throw new BelfryError("BELFRY_LIMIT", `channelBytesMax is ${BYTES_MAX}`);
    const hashed = hash(this.#scratch, length);
    const slot = this.#slotOf(length, hashed);
    const known = this.#slots[slot] as number;
    return known !== NONE ? known : this.#add(slot, length, hashed);
  }

  /** The name of a number that is in use. */
  nameOf(id: number): string {
    const at = this.#at[id] as number;
    return this.#arena.toString("utf8", at + 1, at + 1 + (this.#arena[at] as number));
  }

  /** Forgets a name; its number will be given to another. */
  release(id: number): void {
    this.#unslot(id);
    this.#arenaLost += 1 + (this.#arena[this.#at[id] as number] as number);
    this.#at[id] = this.#free;
    this.#free = id;
    this.#size--;
  }

  /** Writes a name into the scratch; returns its bytes, NONE when they are too many. */
  #encode(name: string): number {
    const { length } = name;
    if (length > BYTES_MAX) return NONE;
    // Most names are short ASCII: that is written without leaving JavaScript.
    for (let i = 0; i < length; i++) {
      const code = name.charCodeAt(i);
      if (code > 127) return Buffer.byteLength(name) > BYTES_MAX ? NONE : this.#scratch.write(name, 0, "utf8");
      this.#scratch[i] = code;
    }
    return length;
  }

  /** The slot that holds the name in the scratch, or the empty one where it belongs. */
  #slotOf(length: number, hashed: number): number {
    const mask = this.#slots.length - 1;
    for (let slot = hashed & mask; ; slot = (slot + 1) & mask) {
      const id = this.#slots[slot] as number;
      if (id === NONE || (this.#hashes[id] === hashed && this.#isScratch(id, length))) return slot;
    }
  }

  #isScratch(id: number, length: number): boolean {
    const at = this.#at[id] as number;
    if (this.#arena[at] !== length) return false;
    for (let i = 0; i < length; i++) if (this.#arena[at + 1 + i] !== this.#scratch[i]) return false;
    return true;
  }

  #add(slot: number, length: number, hashed: number): number {
    let id = this.#free;
    if (id !== NONE) this.#free = this.#at[id] as number;
    else id = this.#high++;
    if (id === this.#at.length) {
      this.#at = grown(this.#at);
      this.#hashes = grown(this.#hashes);
    }
    this.#hashes[id] = hashed;
    this.#at[id] = this.#store(length);
    this.#slots[slot] = id;
    this.#size++;
    if (this.#size * 2 > this.#slots.length) this.#rehash();
    return id;
  }

  #store(length: number): number {
    const needed = this.#arenaEnd + 1 + length;
    if (needed > this.#arena.length) this.#makeRoom();
    const at = this.#arenaEnd;
    this.#arena[at] = length;
    this.#scratch.copy(this.#arena, at + 1, 0, length);
    this.#arenaEnd = at + 1 + length;
    return at;
  }

  /** Makes the arena larger, or moves its names together when a third of it or more was lost. */
  #makeRoom(): void {
    const old = this.#arena;
    if (this.#arenaLost * 3 > old.length) return this.#compact();
    this.#arena = Buffer.alloc(old.length * 2);
    this.#arena.set(old);
  }

  /** Numbers in the table are in use; the name that is being added is not stored yet, and its number not there. */
  #compact(): void {
    const old = this.#arena;
    const compacted = Buffer.alloc(old.length);
    let end = 0;
    for (const id of this.#slots) {
      if (id === NONE) continue;
      const at = this.#at[id] as number;
      const size = 1 + (old[at] as number);
      old.copy(compacted, end, at, at + size);
      this.#at[id] = end;
      end += size;
    }
    this.#arena = compacted;
    this.#arenaEnd = end;
    this.#arenaLost = 0;
  }

  #rehash(): void {
    const old = this.#slots;
    const mask = old.length * 2 - 1;
    const slots = new Int32Array(old.length * 2).fill(NONE);
    for (const id of old) {
      if (id === NONE) continue;
      let slot = (this.#hashes[id] as number) & mask;
      while (slots[slot] !== NONE) slot = (slot + 1) & mask;
      slots[slot] = id;
    }
    this.#slots = slots;
  }

  /** Takes a number out of the table, and moves those behind it up, so that no mark of a removed one is needed. */
  #unslot(id: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let hole = (this.#hashes[id] as number) & mask;
    while (slots[hole] !== id) hole = (hole + 1) & mask;
    for (let next = (hole + 1) & mask; slots[next] !== NONE; next = (next + 1) & mask) {
      const home = (this.#hashes[slots[next] as number] as number) & mask;
      if (((next - home) & mask) < ((next - hole) & mask)) continue;
      slots[hole] = slots[next] as number;
      hole = next;
    }
    slots[hole] = NONE;
  }
}

function grown(old: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(old.length * 2);
  larger.set(old);
  return larger;
}

/** FNV-1a, stirred at the end so that the low bits depend on all. */
function hash(bytes: Uint8Array, length: number): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < length; i++) h = Math.imul(h ^ (bytes[i] as number), 0x01000193);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  return h ^ (h >>> 12);
}
