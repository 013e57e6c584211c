import * as v from "valibot";

/** What a server says in Centrifugo's protocol (PROTOCOL.md), as far as `belfry subscribe` looks at it. */

const publication = v.looseObject({
  data: v.unknown(),
  offset: v.optional(v.number(), 0),
  epoch: v.optional(v.string()),
});
const status = v.object({ code: v.number(), reason: v.optional(v.string(), "") });
const error = v.object({
  code: v.number(),
  message: v.optional(v.string(), ""),
  temporary: v.optional(v.boolean(), false),
});
const subscribe = v.object({
  offset: v.optional(v.number(), 0),
  epoch: v.optional(v.string(), ""),
  recovered: v.optional(v.boolean(), false),
  publications: v.optional(v.array(publication), []),
});
const reply = v.object({
  id: v.optional(v.number(), 0),
  error: v.optional(error),
  connect: v.optional(v.object({ ping: v.optional(v.number(), 0), pong: v.optional(v.boolean(), false) })),
  subscribe: v.optional(subscribe),
  push: v.optional(
    v.object({
      channel: v.optional(v.string(), ""),
      pub: v.optional(publication),
      unsubscribe: v.optional(status),
      disconnect: v.optional(status),
    }),
  ),
});

/** What was published: `data`, `offset` (0 without a history), and what else the server tells of it. */
export type Publication = v.InferOutput<typeof publication>;
/** Why a command was not carried out. */
export type CommandError = v.InferOutput<typeof error>;
/** Where a subscription begins. */
export type SubscribeReply = v.InferOutput<typeof subscribe>;
/** One of: an error or a result, of the command `id`; a push; or, with none of them, a ping. */
export type Reply = v.InferOutput<typeof reply>;

/** The replies in one message, one on a line. Throws an error for what is none: another protocol is spoken there. */
export function readReplies(text: string): Reply[] {
  return text
    .trim()
    .split("\n")
    .map((line) => {
      const read = v.safeParse(reply, parse(line));
      if (read.success) return read.output;
      throw foreign();
    });
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw foreign();
  }
}

function foreign(): Error {
  return new Error("the server does not speak Centrifugo's protocol in JSON; check --url");
}
