import type { Publication } from "../../bus/index.ts";
import { limits } from "../../limits.ts";
import { badRequest } from "./bad-request.ts";
import { defined } from "./defined.ts";
import { channel, count, flag, position, said, whole } from "./fields.ts";
import { method } from "./method.ts";
import { clientInfo } from "./presence.ts";
import { anything, leftOut, list, map, object, optional, orElse } from "./schema.ts";

const { historyReadMax } = limits;
const MAX = Number.MAX_SAFE_INTEGER;

/** `history`: what a channel keeps. */
export const history = method({
  name: "history",
  scope: "read",
  summary: "Reads a channel's history, or its position alone.",
  request: object({
    channel,
    limit: orElse(whole(`publications; 0 for the position alone, at most ${historyReadMax} are given`, -MAX, MAX), 0),
    since: optional(position),
    reverse: flag("whether the newest comes first"),
  }),
  result: object({
    publications: list(
      "the publications",
      object({
        data: anything("what was published"),
        info: leftOut(clientInfo),
        offset: leftOut(count("its offset")),
        tags: leftOut(map("its tags", said("a tag"))),
      }),
    ),
    epoch: said("the stream's epoch"),
    offset: count("the offset at the stream's end"),
  }),
  example: {
    request: { channel: "news:1", limit: 2, since: { offset: 10, epoch: "a1b2c3d4" } },
    result: {
      publications: [
        { data: { text: "hello" }, offset: 11 },
        { data: { text: "again" }, offset: 12, tags: { lang: "en" } },
      ],
      epoch: "a1b2c3d4",
      offset: 12,
    },
  },
  async run({ operations }, { channel, limit, since, reverse }) {
    if (reverse && since?.offset === 0) {
      throw badRequest("since.offset", `with reverse, a whole number from 1 to ${MAX}`, 0);
    }
    // A negative limit asks for everything, of which as much is given as one read gives.
    const most = limit < 0 ? historyReadMax : Math.min(limit, historyReadMax);
    const query = { ...defined({ since: since ?? undefined }), limit: most, reverse };
    const { publications, epoch, offset } = await operations.history(channel, query);
    const texts = publications.map(publicationText);
    return `{"publications":[${texts.join(",")}],"epoch":${JSON.stringify(epoch)},"offset":${offset}}`;
  },
});

/** `history_remove`: forgets what a channel keeps. */
export const historyRemove = method({
  name: "history_remove",
  scope: "manage",
  summary: "Forgets a channel's history; its position stays.",
  request: object({ channel }),
  result: object({}),
  example: { request: { channel: "news:1" }, result: {} },
  async run({ operations }, request) {
    await operations.removeHistory(request.channel);
    return "{}";
  },
});

/** `data` and `info` are JSON text already, which is not parsed for being told. */
function publicationText({ data, info, offset, tags }: Publication): string {
  const by = info === undefined ? "" : `,"info":${info}`;
  const at = offset === 0 ? "" : `,"offset":${offset}`;
  return `{"data":${data}${by}${at}${tags === undefined ? "" : `,"tags":${JSON.stringify(tags)}`}}`;
}
