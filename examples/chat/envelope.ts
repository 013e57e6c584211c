import * as v from "valibot";

/** Every bound of the chat, with its reason. */
export const chatLimits = {
  /** Longest name of a member or a room, in UTF-16 units, as an input's maxlength counts them. */
  nameCharsMax: 32,
  /** Longest text of a message. */
  textCharsMax: 2000,
  /** Largest envelope: a text whose characters are all escaped as \uXXXX fits. Beyond it the server closes with 1009. */
  envelopeBytesMax: 16_384,
  /** Envelopes of any kind that a member may send in a second: those beyond are answered with an error. */
  envelopesPerSecondMax: 10,
  /** Messages that a room keeps for those who join later. */
  historyLinesMax: 50,
  /** Members of one room: a join is answered with all their names. */
  roomMembersMax: 500,
  /** Rooms, each with its history. An empty room is kept until its place is wanted. */
  roomsMax: 1000,
} as const;

/** What somebody said; `at` is the time in milliseconds since 1970. */
export interface Message {
  readonly type: "message";
  readonly name: string;
  readonly text: string;
  readonly at: number;
}

/** What the server says. `joined` goes to who joined; `arrived`, `left` and `renamed` to the others; the rest to all. */
export type ToClient =
  | { type: "joined"; room: string; name: string; members: readonly string[]; history: readonly Message[] }
  | { type: "arrived"; name: string }
  | { type: "left"; name: string }
  | { type: "renamed"; from: string; name: string }
  | { type: "error"; code: ChatErrorCode; message: string }
  | Message;

/** What can go wrong; for programs, as `message` is for people. */
export type ChatErrorCode = "malformed" | "too-fast" | "name-taken" | "no-room" | "room-full" | "too-many-rooms";

/** Something a member did that is not allowed: it is told so, and nothing else happens. */
export class ChatError extends Error {
  readonly code: ChatErrorCode;
  constructor(code: ChatErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** A name of a member or a room: letters, digits, signs and spaces; nothing invisible, which could pass for another name. */
function nameOf(what: string) {
  const wrong = `${what}: 1 to ${chatLimits.nameCharsMax} letters, digits, signs and spaces`;
  const { nameCharsMax } = chatLimits;
  const visible = v.regex(/^[\p{L}\p{M}\p{N}\p{P}\p{S} ]+$/u, wrong);
  return v.pipe(v.string(wrong), v.normalize("NFC"), v.trim(), v.maxLength(nameCharsMax, wrong), visible);
}

const wrongText = `text: 1 to ${chatLimits.textCharsMax} characters`;
const textOf = v.pipe(
  v.string(wrongText),
  v.trim(),
  v.minLength(1, wrongText),
  v.maxLength(chatLimits.textCharsMax, wrongText),
);

const fromClient = v.variant(
  "type",
  [
    v.object({ type: v.literal("join"), room: nameOf("room"), name: nameOf("name") }),
    v.object({ type: v.literal("rename"), name: nameOf("name") }),
    v.object({ type: v.literal("message"), text: textOf }),
    v.object({ type: v.literal("leave") }),
  ],
  'type: one of "join", "rename", "message" and "leave"',
);

/** What a client says. A `join` from a room to another leaves the first. */
export type FromClient = v.InferOutput<typeof fromClient>;

/** Reads what a client sent; further fields are dropped. Throws {@link ChatError} that says what is allowed. */
export function readEnvelope(text: string): FromClient {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new ChatError("malformed", "an envelope is JSON");
  }
  const result = v.safeParse(fromClient, json);
  if (result.success) return result.output;
  throw new ChatError("malformed", result.issues[0].message);
}
