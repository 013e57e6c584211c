import * as ws from "ws";
import { type Conclusion, endOfClose } from "./conclusion.ts";
import type { NaiveRules } from "./naive-frames.ts";

/** The receiver of the package ws, as another reader of RFC 6455 that is in wide use. */

interface WsReceiver {
  /** The error that ended it, at once; null before. */
  readonly errored: NodeJS.ErrnoException | null;
  write(bytes: Uint8Array): boolean;
  on(event: "message", listener: (data: Buffer, isBinary: boolean) => void): this;
  on(event: "ping" | "pong", listener: (data: Buffer) => void): this;
  on(event: "conclude", listener: (code: number, reason: Buffer) => void): this;
  on(event: "error", listener: (error: Error) => void): this;
}

interface WsReceiverOptions {
  readonly isServer: boolean;
  readonly maxPayload: number;
  readonly maxFragments: number;
}

// It is exported for such uses, and its types are not.
const { Receiver } = ws as unknown as { Receiver: new (options: WsReceiverOptions) => WsReceiver };

/** The close statuses of its errors (its doc/ws.md, "Error codes"); all others are 1002. */
const statuses: Readonly<Record<string, number>> = {
  WS_ERR_INVALID_UTF8: 1007,
  WS_ERR_TOO_MANY_BUFFERED_PARTS: 1008,
  WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH: 1009,
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: 1009,
};

/**
 * What ws makes of a stream. Without compression it does all its work within `write`, and `errored` is set when that
 * returns; only the event of it comes later.
 */
export function wsRead(pieces: readonly Uint8Array[], rules: NaiveRules): Conclusion {
  const receiver = new Receiver({
    isServer: rules.server,
    maxPayload: rules.messageBytesMax,
    maxFragments: rules.fragmentsMax,
  });
  const events: string[] = [];
  let end = "more";
  const note = (opcode: number, data: Buffer) => events.push(`${opcode}:${data.toString("hex")}`);
  receiver.on("message", (data, isBinary) => note(isBinary ? 2 : 1, data));
  receiver.on("ping", (data) => note(9, data));
  receiver.on("pong", (data) => note(10, data));
  receiver.on("conclude", (code, reason) => {
    end = endOfClose(code, reason);
  });
  receiver.on("error", () => {});
  for (const piece of pieces) {
    if (end !== "more" || receiver.errored) break;
    receiver.write(Buffer.from(piece));
  }
  const { errored } = receiver;
  if (errored) end = `refused with ${statuses[errored.code ?? ""] ?? 1002}`;
  return { events: events.join(" "), end };
}
