import { closeCodes } from "../ws/index.ts";
import { type Columns, flags, phases } from "./columns.ts";
import { type Ages, Heartbeat, type HeartbeatOptions } from "./heartbeat.ts";

/** What the deadlines need of the other parts. */
export interface DeadlinesParts {
  readonly columns: Columns;
  readonly isPartial: (fd: number) => boolean;
  readonly ping: (fd: number) => void;
  /** Answers a request with an HTTP status. */
  readonly refuse: (fd: number, status: number, reason: string) => void;
  /** Closes with a code that the peer is told. */
  readonly fail: (fd: number, code: number, reason: string) => void;
  /** Gives a connection up. */
  readonly lose: (fd: number, code: number, reason: string) => void;
}

/** The heartbeat that holds connections to their deadlines; `served` as {@link Heartbeat} says. */
export function makeHeartbeat(parts: DeadlinesParts, options: HeartbeatOptions, served: () => boolean): Heartbeat {
  const heartbeat: Heartbeat = new Heartbeat(parts.columns, options, served, (fd, phase, age) =>
    meetDeadline(parts, heartbeat.ages, fd, phase, age),
  );
  return heartbeat;
}

/** What becomes of a connection that has reached an age; called by the heartbeat's sweep. */
function meetDeadline(parts: DeadlinesParts, ages: Ages, fd: number, phase: number, age: number): void {
  switch (phase) {
    case phases.OPEN:
      if (age === ages.ping) parts.ping(fd);
      else if (age >= ages.dead) silent(parts, fd);
      break;
    case phases.HEAD:
      if (age >= ages.head) parts.refuse(fd, 408, "the head took too long (option headSecondsMax)");
      break;
    case phases.UPGRADING:
      if (age >= ages.head) parts.refuse(fd, 503, "the upgrade was not decided in time (option headSecondsMax)");
      break;
    default:
      if (age >= ages.close) parts.lose(fd, closeCodes.ABNORMAL, "the peer did not end the connection");
  }
}

/** Not a byte came, not even an answer to the ping. */
function silent({ columns, isPartial, fail }: DeadlinesParts, fd: number): void {
  // This side does not read from it: it is not the peer that is silent.
  if (((columns.flags[fd] as number) & flags.PAUSED) !== 0) columns.age[fd] = 0;
  else if (isPartial(fd)) fail(fd, closeCodes.POLICY_VIOLATION, "half a message, then silence");
  else fail(fd, closeCodes.POLICY_VIOLATION, "no answer to a ping (option pongSecondsMax)");
}
