import { createInbox, type Msg, type NatsConnection, headers as newHeaders } from "@nats-io/nats-core";
import { BelfryError } from "../errors.ts";
import { limits } from "../limits.ts";

/** What {@link Survey} needs of the other parts. */
export interface SurveyParts {
  readonly nc: Pick<NatsConnection, "subscribe" | "publish" | "info">;
  /** The subject of the questions. */
  readonly subject: string;
  /** What those here who listen answer. */
  readonly answers: (question: string) => readonly string[];
  /** Calls what reads a message, and takes its exceptions. */
  readonly safely: (hear: () => void) => void;
}

/** A question that waits for answers. */
interface Open {
  readonly take: (answer: string) => boolean;
  /** Ends it, with an error or well. */
  readonly end: (error?: Error) => void;
  /** Answers of which not all parts have come, by what their parts have in common. */
  readonly parts: Map<string, Uint8Array[]>;
}

/** "id count": this message is one of so many, in their order, which together are an answer. */
const PART = "Belfry-Part";
/** The bytes of an answer that is too large to be sent. */
const TOO_LARGE = "Belfry-Too-Large";
/** More than the headers of a part are. */
const HEADER_BYTES = 128;
/** Parts of surveyMsMax: a process that stands still is late for one of them, and not for all. */
const WAITS = 5;

/**
 * One asks, all answer. A process has one inbox for all its questions, with a token for each; an answer that is larger
 * than a message may be comes in several.
 */
export class Survey {
  readonly #parts: SurveyParts;
  readonly #inbox = createInbox();
  /** By token. */
  readonly #open = new Map<string, Open>();
  #asked = 0;
  #sent = 0;

  constructor(parts: SurveyParts) {
    this.#parts = parts;
    const { nc, subject, safely } = parts;
    const received = (error: Error | null, message: Msg) => {
      if (!error) safely(() => this.#received(message));
    };
    nc.subscribe(`${this.#inbox}.*`, { callback: received });
    const asked = (error: Error | null, message: Msg) => {
      if (!error) safely(() => this.#answer(message));
    };
    nc.subscribe(subject, { callback: asked });
  }

  /** See {@link Broker.ask}. */
  async ask(question: string, take: Open["take"]): Promise<void> {
    const token = (++this.#asked).toString(36);
    await new Promise<void>((resolve, reject) => {
      const end = (error?: Error) => {
        clearTimeout(timer);
        this.#open.delete(token);
        if (error) reject(error);
        else resolve();
      };
      const ms = limits.surveyMsMax / WAITS;
      const wait = (left: number): NodeJS.Timeout => {
        return setTimeout(() => {
          if (left === 1) end();
          else timer = wait(left - 1);
        }, ms);
      };
      let timer = wait(WAITS);
      this.#open.set(token, { take, end, parts: new Map() });
      try {
        this.#parts.nc.publish(this.#parts.subject, question, { reply: `${this.#inbox}.${token}` });
      } catch (error) {
        end(error as Error);
      }
    });
  }

  /** Ends all questions with the answers that have come. */
  close(): void {
    for (const { end } of this.#open.values()) end();
  }

  #answer(message: Msg): void {
    const { reply } = message;
    if (!reply) return;
    for (const answer of this.#parts.answers(message.string())) {
      try {
        this.#send(reply, Buffer.from(answer));
      } catch {
        // The connection is closing. Whoever asks goes on without this answer.
      }
    }
  }

  #send(reply: string, answer: Uint8Array): void {
    const { nc } = this.#parts;
    if (answer.length > limits.surveyAnswerBytesMax) {
      return nc.publish(reply, "", { headers: headersOf(TOO_LARGE, `${answer.length}`) });
    }
    const room = nc.info?.max_payload ?? limits.busPayloadBytesMax;
    if (answer.length <= room) return nc.publish(reply, answer);
    const bytes = Math.max(1, room - HEADER_BYTES);
    const part = headersOf(PART, `${this.#inbox}.${++this.#sent} ${Math.ceil(answer.length / bytes)}`);
    for (let at = 0; at < answer.length; at += bytes) {
      nc.publish(reply, answer.subarray(at, at + bytes), { headers: part });
    }
  }

  #received({ subject, data, headers }: Msg): void {
    const open = this.#open.get(subject.slice(this.#inbox.length + 1));
    if (!open) return;
    const size = headers?.get(TOO_LARGE) ?? "";
    if (size !== "") return open.end(tooLarge(size));
    const part = headers?.get(PART) ?? "";
    const whole = part === "" ? data : join(open, part, data);
    if (whole && open.take(Buffer.from(whole).toString())) open.end();
  }
}

/** The answer, when its last part has come. */
function join({ parts }: Open, part: string, data: Uint8Array): Uint8Array | undefined {
  const [id = "", count] = part.split(" ");
  const all = parts.get(id) ?? [];
  all.push(data);
  parts.set(id, all);
  if (all.length < Number(count)) return undefined;
  parts.delete(id);
  return Buffer.concat(all);
}

function headersOf(name: string, value: string) {
  const headers = newHeaders();
  headers.set(name, value);
  return headers;
}

function tooLarge(bytes: string): BelfryError {
  const { surveyAnswerBytesMax } = limits;
  const many = `a node's answer has ${bytes} bytes, surveyAnswerBytesMax is ${surveyAnswerBytesMax}`;
  return new BelfryError("BELFRY_LIMIT", `${many}; ask for less`);
}
