import { compileText } from "../ws/index.ts";
import { MASK_KEY } from "./swarm.ts";

/** What a connection tells of its connecting. */
export type Joined = "joined" | "joining" | { readonly refused: string };

const BRACE = 123;
const PONG = compileText("{}", { key: MASK_KEY });
const CONNECT_ID = 1;

/** One line of what a server answers to the commands below. */
interface Reply {
  readonly id?: number;
  readonly error?: { readonly code: number; readonly message: string };
}

/** The client's side of Centrifugo's client protocol, in JSON, as far as a load needs it. */
export class ProtocolClient {
  readonly #connect: string;
  readonly #channels: readonly string[];

  /** `%d` in a channel is a connection's number. */
  constructor(channels: readonly string[], token: string) {
    this.#connect = JSON.stringify({ id: CONNECT_ID, connect: token === "" ? {} : { token } });
    this.#channels = channels;
  }

  /** The commands that connect and subscribe, in one frame. */
  join(number: number): Uint8Array {
    const subscribes = this.#channels.map((template, i) =>
      JSON.stringify({ id: CONNECT_ID + 1 + i, subscribe: { channel: channelOf(template, number) } }),
    );
    return compileText([this.#connect, ...subscribes].join("\n"), { key: MASK_KEY });
  }

  /** What has become of {@link join}, after a message of a connection that has not joined yet. */
  answered(text: string): Joined {
    let state: Joined = "joining";
    for (const line of text.split("\n")) {
      const { id, error } = JSON.parse(line) as Reply;
      if (error) return { refused: `refused with ${error.code} ${error.message}` };
      if (id === CONNECT_ID + this.#channels.length) state = "joined";
    }
    return state;
  }

  /** The answer to a message that is a ping; undefined for every other. */
  pong(bytes: Uint8Array, from: number, to: number): Uint8Array | undefined {
    return to - from === 2 && bytes[from] === BRACE ? PONG : undefined;
  }
}

/** The channel of a connection. */
export function channelOf(template: string, number: number): string {
  return template.replaceAll("%d", `${number}`);
}
