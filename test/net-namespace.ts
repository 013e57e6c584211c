import { execFileSync } from "node:child_process";
import { randomInt } from "node:crypto";
import type { Ending } from "./processes.ts";

/** Why there can be none here; where all is to be tested, that fails. */
export const namespaceSkip: string | false =
  (process.platform === "linux" && process.getuid?.() === 0) || process.env["CI"] === "true"
    ? false
    : "a network namespace needs Linux and root";

/** A network of its own, at the end of a wire that can be cut: what is sent then is lost without a word. */
export class NetNamespace {
  /** Its address, from outside and from inside. */
  readonly address: string;
  /** What stands before a command that is to run inside. */
  readonly before: readonly string[];
  readonly #inner: string;

  /** Use {@link NetNamespace.make}. */
  constructor(name: string, inner: string, address: string) {
    this.address = address;
    this.before = ["ip", "netns", "exec", name];
    this.#inner = inner;
  }

  /** Makes one; it goes with the test. */
  static make(t: Ending): NetNamespace {
    const id = randomInt(256 * 64);
    const [name, outer, inner] = [`belfry${id}`, `bf${id}o`, `bf${id}i`];
    // Addresses for benchmarks of networks (RFC 2544), which nobody routes.
    const network = `198.18.${id >> 6}.${(id & 63) * 4}`;
    const at = (host: number) => network.replace(/\d+$/, (last) => `${Number(last) + host}`);
    ip("netns", "add", name);
    t.after(() => {
      ip("netns", "delete", name);
    });
    ip("link", "add", outer, "type", "veth", "peer", "name", inner, "netns", name);
    ip("address", "add", `${at(1)}/30`, "dev", outer);
    ip("link", "set", outer, "up");
    ip("-n", name, "address", "add", `${at(2)}/30`, "dev", inner);
    ip("-n", name, "link", "set", "lo", "up");
    const made = new NetNamespace(name, inner, at(2));
    made.mend();
    return made;
  }

  /** Cuts the wire at its inner end. */
  cut(): void {
    execFileSync("ip", [...this.before.slice(1), "ip", "link", "set", this.#inner, "down"]);
  }

  mend(): void {
    execFileSync("ip", [...this.before.slice(1), "ip", "link", "set", this.#inner, "up"]);
  }
}

function ip(...args: string[]): void {
  execFileSync("ip", args);
}
