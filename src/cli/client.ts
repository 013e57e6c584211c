import { type Dialed, dial } from "../dial/index.ts";
import { limits } from "../limits.ts";
import { type CloseStatus, ControlHandler, closeCodes, compileText, randomKey, readMessages } from "../ws/index.ts";
import { type CommandError, type Publication, type Reply, readReplies, type SubscribeReply } from "./replies.ts";

/** A place in a channel's stream. */
export interface Position {
  readonly offset: number;
  /** "" for any: whatever stream there is. */
  readonly epoch: string;
}

/** What a client listens to, and what it tells. */
export interface ClientOptions {
  readonly url: string;
  readonly channel: string;
  /** "" connects without one. */
  readonly token: string;
  /** Where to go on; without one only what is new is told. */
  readonly since: Position | undefined;
  /** Ends it, with the closing handshake. */
  readonly signal: AbortSignal;
  readonly connected: () => void;
  /**
   * `at` is undefined when the channel has no history. `recovered` is how many publications come that were missed,
   * false when not all could be had, and undefined when nothing was asked for.
   */
  readonly subscribed: (at: Position | undefined, recovered: number | false | undefined) => void;
  /** What it returns is waited for before more is read. */
  readonly published: (publication: Publication) => Promise<void> | void;
}

/** The server said no: there is no use in coming back. `code` is an error's of a reply, or that of a close frame. */
export class RefusedError extends Error {
  override readonly name = "RefusedError";
  readonly code: number;
  constructor(code: number, reason: string) {
    super(`${code} ${reason}`.trim());
    this.code = code;
  }
}

/** The connection is lost; the message says why. */
export class LostError extends Error {
  override readonly name = "LostError";
}

/**
 * One connection of a client of Centrifugo's protocol (PROTOCOL.md) that listens to one channel: the few commands that
 * are needed for it, so that the command line needs no client library.
 */
export class Client {
  readonly #options: ClientOptions;
  #dialed: Dialed | undefined;
  #control: ControlHandler | undefined;
  #position: Position | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** How long the server may be silent now, in seconds, and what it is then. */
  #silenceMax: number = limits.replySecondsMax;
  #pingSeconds = 0;
  #answersPings = false;
  #why = "the connection broke";

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#position = options.since;
  }

  /** Behind the last publication that was told. */
  get position(): Position | undefined {
    return this.#position;
  }

  /**
   * Connects, subscribes and tells what is published, until the signal is aborted. Throws {@link RefusedError},
   * {@link LostError}, and what `dial` throws.
   */
  async run(): Promise<void> {
    const { url, signal, token } = this.#options;
    const dialed = await dial(url, { signal });
    this.#dialed = dialed;
    const control = new ControlHandler({ server: false, send: (frame) => dialed.write(frame) });
    this.#control = control;
    const end = () => this.#end();
    signal.addEventListener("abort", end);
    try {
      if (signal.aborted) this.#end();
      this.#send(1, "connect", { ...(token !== "" && { token }), name: "belfry" });
      const how = await this.#read(control, dialed);
      if (!signal.aborted) throw this.#lostBy(how);
    } finally {
      clearTimeout(this.#timer);
      signal.removeEventListener("abort", end);
    }
  }

  async #read(control: ControlHandler, { source }: Dialed): Promise<CloseStatus> {
    const messages = readMessages(source, control, { messageBytesMax: limits.subscribeMessageBytesMax });
    try {
      for (;;) {
        this.#listen();
        const { done, value } = await messages.next();
        if (done) return value;
        // Who waits for its reader's reader cannot tell whether the server is silent.
        if (!control.closeSent) clearTimeout(this.#timer);
        for (const reply of readReplies(value.text())) await this.#take(reply);
      }
    } catch (error) {
      control.close(closeCodes.NORMAL);
      await messages.return({ code: closeCodes.ABNORMAL, reason: "" });
      throw error;
    }
  }

  async #take(reply: Reply): Promise<void> {
    const { error, connect, subscribe, push } = reply;
    if (error) throw lostFor(error);
    if (connect) {
      this.#pingSeconds = connect.ping;
      this.#answersPings = connect.pong;
      this.#options.connected();
      this.#subscribe();
    } else if (subscribe) {
      await this.#subscribed(subscribe);
    } else if (push) {
      if (push.disconnect) throw this.#lostBy(push.disconnect);
      if (push.unsubscribe) throw unsubscribed(push.unsubscribe);
      if (push.pub && push.channel === this.#options.channel) await this.#tell(push.pub);
    } else if (this.#answersPings && reply.id === 0) {
      this.#write("{}");
    }
  }

  #subscribe(): void {
    const { channel, since } = this.#options;
    this.#send(2, "subscribe", { channel, ...(since && { recover: true, ...since }) });
  }

  async #subscribed({ offset, epoch, recovered, publications }: SubscribeReply): Promise<void> {
    const { since, subscribed } = this.#options;
    this.#silenceMax = this.#pingSeconds > 0 ? this.#pingSeconds + limits.pingLateSecondsMax : 0;
    this.#position = epoch === "" ? undefined : { offset, epoch };
    subscribed(this.#position, since === undefined ? undefined : recovered && publications.length);
    for (const publication of publications) await this.#tell(publication);
  }

  async #tell(publication: Publication): Promise<void> {
    if (this.#options.signal.aborted) return;
    const { offset, epoch = this.#position?.epoch ?? "" } = publication;
    if (offset > 0) this.#position = { offset, epoch };
    await this.#options.published(publication);
  }

  #send(id: number, method: string, fields: object): void {
    this.#write(JSON.stringify({ id, [method]: fields }));
  }

  #write(text: string): void {
    if (!this.#control?.closeSent) void this.#dialed?.write(compileText(text, { key: randomKey() }));
  }

  /** From now on the server must say something in time. */
  #listen(): void {
    if (this.#control?.closeSent || this.#silenceMax === 0) return;
    this.#giveUpIn(this.#silenceMax, `the server said nothing for ${this.#silenceMax} s`);
  }

  #end(): void {
    this.#control?.close(closeCodes.NORMAL);
    this.#giveUpIn(limits.closeSecondsMax, "");
  }

  #giveUpIn(seconds: number, why: string): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#why = why;
      this.#dialed?.destroy();
    }, seconds * 1000);
  }

  /** A reason may be JSON that says whether to come back; else the code's range does. */
  #lostBy({ code, reason }: CloseStatus): LostError | RefusedError {
    if (code === closeCodes.ABNORMAL) return new LostError(this.#why);
    const told = readReason(reason);
    const isFinal = code === 1009 || (code >= 3500 && code < 4000) || (code >= 4500 && code < 5000);
    return (told.reconnect ?? !isFinal)
      ? new LostError(`${code} ${told.reason}`.trim())
      : new RefusedError(code, told.reason);
  }
}

function readReason(reason: string): { reason: string; reconnect?: boolean } {
  try {
    const told = JSON.parse(reason);
    return typeof told?.reason === "string" && typeof told.reconnect === "boolean" ? told : { reason };
  } catch {
    return { reason };
  }
}

function lostFor({ code, message, temporary }: CommandError): LostError | RefusedError {
  return temporary || code < 100 ? new LostError(`${code} ${message}`) : new RefusedError(code, message);
}

/** From 2500 on the client is to subscribe again, which it does with a new connection. */
function unsubscribed({ code, reason }: CloseStatus): LostError | RefusedError {
  return code >= 2500 ? new LostError(`${code} ${reason}`.trim()) : new RefusedError(code, reason);
}
