import type { Command, CommandParts, Reply } from "./command.ts";
import { connect } from "./commands/connect.ts";
import { history } from "./commands/history.ts";
import { presence, presenceStats } from "./commands/presence.ts";
import { publish } from "./commands/publish.ts";
import { refresh, subRefresh } from "./commands/refresh.ts";
import { rpc } from "./commands/rpc.ts";
import { subscribe } from "./commands/subscribe.ts";
import { unsubscribe } from "./commands/unsubscribe.ts";
import {
  DisconnectError,
  disconnects,
  EMPTY,
  encodeError,
  encodeReply,
  type Fields,
  isObject,
  type Method,
  methods,
  ReplyError,
} from "./protocol.ts";
import { codeLabels } from "./vitals/codes.ts";

const commands: Readonly<Record<Method, Command>> = {
  connect,
  subscribe,
  unsubscribe,
  publish,
  presence,
  presence_stats: presenceStats,
  history,
  rpc,
  refresh,
  sub_refresh: subRefresh,
};

/** The way back to the clients. */
export interface Answers {
  readonly text: (fd: number, text: string) => void;
  /** A command failed after its frame was done with. */
  readonly failed: (fd: number, error: unknown) => void;
  /** A command failed by a fault here, of which the client is told no more than 100: this is for the operator. */
  readonly fault: (error: unknown) => void;
}

/**
 * Carries out the commands of one frame, in their order, and sends their replies in as few frames as possible: all that
 * is there when a command takes time, or at the end. Returns a promise while one takes time. Throws, or rejects with,
 * DisconnectError; the replies before it have been sent.
 */
export function dispatch(parts: CommandParts, fd: number, text: string, answers: Answers): Promise<void> | undefined {
  if (text.trim() === "") bad();
  return new Frame(parts, fd, answers).run(text.split("\n"), 0);
}

/** The first of the codes upon which a client does not come back. */
const CLOSED_FOR_GOOD = 3500;
const TOKEN_EXPIRED = 109;

class Frame {
  readonly #parts: CommandParts;
  readonly #fd: number;
  readonly #generation: number;
  readonly #answers: Answers;
  #replies = "";
  /** The client will be told later that it may not connect: what stands behind its connect is not looked at. */
  #isRefused = false;

  constructor(parts: CommandParts, fd: number, answers: Answers) {
    this.#parts = parts;
    this.#fd = fd;
    this.#generation = parts.clients.generationOf(fd);
    this.#answers = answers;
  }

  /** Carries out the commands of the lines from `from` on. */
  run(lines: readonly string[], from: number): Promise<void> | undefined {
    try {
      for (let i = from; i < lines.length && !this.#isRefused; i++) {
        const line = lines[i] as string;
        if (line.trim() === "") continue;
        const pending = this.#one(parse(line), lines, i + 1);
        // What was answered before goes out now, in front of whatever is pushed meanwhile.
        if (pending) return pending;
      }
    } finally {
      this.#flush();
    }
    return undefined;
  }

  /**
   * Carries out one command. If it takes time its promise is returned, and the lines from `next` on follow as soon as
   * it is answered: in the same turn, so that nothing that is published can come before the answer.
   */
  #one(command: Fields, lines: readonly string[], next: number): Promise<void> | undefined {
    const { clients } = this.#parts;
    const id = Object.hasOwn(command, "id") ? command["id"] : 0;
    if (typeof id !== "number" || !Number.isInteger(id) || id < 0 || id > 0xffffffff) bad();
    if (id === 0) {
      const isSend = Object.hasOwn(command, "send");
      if (isSend ? !clients.isConnected(this.#fd) : !clients.takePong(this.#fd)) bad();
      return undefined;
    }
    const method = methods.find((name) => Object.hasOwn(command, name)) ?? bad();
    const fields = command[method];
    // Before it is connected a client may only connect, and that once; after a failed connect nothing.
    const mayRun = method === "connect" ? clients.begin(this.#fd) : clients.isConnected(this.#fd);
    if (!isObject(fields) || !mayRun) return bad();
    const since = performance.now();
    if (!this.#mayTake()) return this.#refuse(id, method, since, new ReplyError(111));
    try {
      const reply = commands[method](this.#parts, this.#fd, fields);
      if (reply instanceof Promise) return this.#wait(id, method, since, reply, lines, next);
      this.#answer(id, method, since, reply);
    } catch (error) {
      this.#refuse(id, method, since, error);
    }
    return undefined;
  }

  /** Whether neither the client nor its user has sent too much. */
  #mayTake(): boolean {
    const { rates, userRates, identities } = this.#parts;
    if (!rates.take(this.#fd)) return false;
    if (!userRates) return true;
    const user = identities.userNumberOf(this.#fd);
    return user < 0 || userRates.take(user);
  }

  #wait(
    id: number,
    method: Method,
    since: number,
    reply: Promise<Reply | undefined>,
    lines: readonly string[],
    next: number,
  ): Promise<void> {
    return reply
      .then(
        (settled) => () => this.#answer(id, method, since, settled),
        (error: unknown) => () => this.#refuse(id, method, since, error),
      )
      .then((answer) => {
        if (!this.#isHere()) return undefined;
        answer();
        return this.run(lines, next);
      });
  }

  #answer(id: number, method: Method, since: number, reply: Reply | undefined): void {
    if (!reply || !this.#isHere()) return;
    this.#parts.counts.commands.observe(method, performance.now() - since);
    this.#add(encodeReply(id, method, reply.result));
    for (const push of reply.pushes ?? []) this.#add(push);
  }

  #refuse(id: number, method: Method, since: number, cause: unknown): undefined {
    const error = this.#answerable(cause);
    const { counts } = this.#parts;
    counts.commands.observe(method, performance.now() - since);
    if (error instanceof ReplyError) counts.errors.add(method, codeLabels.error(error.code));
    if (method === "connect" && this.#isHere()) {
      const { failures, remoteAddress } = this.#parts;
      this.#fail();
      const delayMs = isOwnFault(error) ? failures.failed(remoteAddress(this.#fd)) : 0;
      if (delayMs > 0) return this.#refuseLater(id, error, delayMs);
    }
    if (error instanceof DisconnectError) throw error;
    if (this.#isHere()) this.#add(encodeError(id, error));
    return undefined;
  }

  /** What the client is told of an error: of one that the protocol does not know, 100. */
  #answerable(error: unknown): ReplyError | DisconnectError {
    if (error instanceof ReplyError || error instanceof DisconnectError) return error;
    this.#answers.fault(error);
    return new ReplyError(100);
  }

  /** The connect command was refused, maybe after a part of its subscriptions was made. */
  #fail(): void {
    const { clients, subscriptions, identities, expiries } = this.#parts;
    subscriptions.removeAll(this.#fd);
    identities.forget(this.#fd);
    expiries.set(this.#fd, 0);
    clients.fail(this.#fd);
  }

  /** Nobody waits for it meanwhile: neither a worker, nor the frame. */
  #refuseLater(id: number, error: ReplyError | DisconnectError, delayMs: number): undefined {
    this.#isRefused = true;
    const refuse = () => {
      if (!this.#isHere()) return;
      if (error instanceof ReplyError) this.#answers.text(this.#fd, encodeError(id, error));
      else this.#answers.failed(this.#fd, error);
    };
    setTimeout(refuse, delayMs).unref();
  }

  #add(line: string): void {
    this.#replies += this.#replies === "" ? line : `\n${line}`;
  }

  #flush(): void {
    if (this.#replies !== "" && this.#isHere()) this.#answers.text(this.#fd, this.#replies);
    this.#replies = "";
  }

  /** Whether the descriptor is still this client's. */
  #isHere(): boolean {
    return this.#parts.clients.generationOf(this.#fd) === this.#generation;
  }
}

/** Whether a connect failed by what the client showed: not by a fault here, and not by a token that was good once. */
function isOwnFault(error: ReplyError | DisconnectError): boolean {
  if (error instanceof DisconnectError) return error.disconnect.code >= CLOSED_FOR_GOOD;
  return !error.temporary && error.code !== TOKEN_EXPIRED;
}

function parse(line: string): Fields {
  let command: unknown;
  try {
    command = JSON.parse(line);
  } catch {
    throw new DisconnectError(disconnects.BAD_REQUEST);
  }
  if (!isObject(command)) throw new DisconnectError(disconnects.BAD_REQUEST);
  return command;
}

/** The frame of a pong: by far the most common one, and not worth a parse. */
export function isPong(text: Buffer, from: number, to: number): boolean {
  return to - from === EMPTY.length && text[from] === 0x7b && text[from + 1] === 0x7d;
}

function bad(): never {
  throw new DisconnectError(disconnects.BAD_REQUEST);
}
