/** What a figure of the machine is counted in. */
export type Unit = "descriptors" | "files" | "connections" | "pages" | "bytes" | "ports" | "entries";

/** A line of a configuration that makes a figure right. */
export interface Setting {
  /** Where it goes: a file of sysctl.d(5), or a unit of systemd.exec(5). */
  readonly where: "sysctl" | "systemd";
  readonly key: string;
  readonly value: string;
}

/**
 * ok: it is enough. raise, lower: it has to be set. missing: the machine does not tell. short: it is not enough, and
 * there is nothing to set.
 */
export type FindingState = "ok" | "raise" | "lower" | "missing" | "short";

/** What stands for a figure in programs. */
export type FindingId =
  | "descriptors"
  | "nrOpen"
  | "filesMax"
  | "memory"
  | "groupMemory"
  | "commit"
  | "tcpMemory"
  | "tcpRead"
  | "tcpWrite"
  | "somaxconn"
  | "synBacklog"
  | "conntrack"
  | "ports";

/** One figure of the machine beside what is asked of it. */
export interface Finding {
  readonly id: FindingId;
  /** As the system calls it. */
  readonly title: string;
  readonly state: FindingState;
  readonly has: number | undefined;
  readonly needs: number;
  readonly unit: Unit;
  /** For how many connections it is enough as it is; undefined if it bounds none. */
  readonly holds: number | undefined;
  /** Why it matters, or what to do, in a few words. */
  readonly note: string;
  /** The service's limits are set in any case; sysctls only where they have to change. */
  readonly setting: Setting | undefined;
}
