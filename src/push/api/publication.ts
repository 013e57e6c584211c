import type { StreamPosition } from "../../bus/index.ts";
import type { ApiPublishOptions } from "../operations.ts";
import { errorSchema } from "./error-mode.ts";
import { channel, channels, count, flag, payload, said, tags, text } from "./fields.ts";
import { errorText, faultOf, method } from "./method.ts";
import { dataOf } from "./payload.ts";
import { leftOut, list, object, orElse } from "./schema.ts";

const data = payload("data", "what is published: any JSON");

/** What publish and broadcast share. */
const publication = {
  data: data.plain,
  b64data: data.base64,
  skip_history: flag("whether it is delivered only, and not kept"),
  tags,
  idempotency_key: orElse(text("a key: a second publication with it is not made"), ""),
  delta: flag("not supported, and ignored"),
  version: orElse(count("a version: a publication that is not above the channel's last one is not made"), 0),
  version_epoch: orElse(text("says which versions may be compared"), ""),
};

interface Publication {
  readonly skip_history: boolean;
  readonly tags?: Readonly<Record<string, string>> | null | undefined;
  readonly idempotency_key: string;
  readonly version: number;
  readonly version_epoch: string;
}

const positionResult = object({
  offset: leftOut(count("its offset; left out without history")),
  epoch: leftOut(said("the stream's epoch; left out without history")),
});

/** `publish`: one publication to one channel. */
export const publish = method({
  name: "publish",
  scope: "publish",
  summary: "Publishes data to a channel.",
  request: object({ channel, ...publication }),
  result: positionResult,
  example: {
    request: { channel: "news:1", data: { text: "hello" }, tags: { lang: "en" }, idempotency_key: "7f3a" },
    result: { offset: 12, epoch: "a1b2c3d4" },
  },
  async run({ operations }, request) {
    return positionText(await operations.publish(request.channel, dataOf(request), optionsOf(request)));
  },
});

/** `broadcast`: the same data to many channels. What became of each is told in their order. */
export const broadcast = method({
  name: "broadcast",
  scope: "publish",
  summary: "Publishes the same data to many channels.",
  request: object({ channels, ...publication }),
  result: object({
    responses: list(
      "for each channel, in their order, a result or an error",
      object({
        result: leftOut(positionResult),
        error: leftOut(errorSchema),
      }),
    ),
  }),
  example: {
    request: { channels: ["user:1", "user:2"], data: { text: "hello" } },
    result: {
      responses: [{ result: { offset: 3, epoch: "a1b2c3d4" } }, { error: { code: 102, message: "unknown channel" } }],
    },
  },
  async run({ operations, log }, request) {
    const outcomes = await operations.broadcast(request.channels, dataOf(request), optionsOf(request));
    let responses = "";
    for (const outcome of outcomes) {
      if (responses !== "") responses += ",";
      if (outcome instanceof Error) responses += `{"error":${errorText(faultOf(log, outcome))}}`;
      else responses += outcome.offset === 0 && outcome.epoch === "" ? NOWHERE : `{"result":${positionText(outcome)}}`;
    }
    return `{"responses":[${responses}]}`;
  },
});

const NOWHERE = '{"result":{}}';

function optionsOf({ skip_history, tags, idempotency_key, version, version_epoch }: Publication): ApiPublishOptions {
  return {
    skipHistory: skip_history,
    tags: tags ?? undefined,
    idempotencyKey: idempotency_key || undefined,
    version: version || undefined,
    versionEpoch: version_epoch || undefined,
  };
}

function positionText({ offset, epoch }: StreamPosition): string {
  if (offset === 0) return epoch === "" ? "{}" : `{"epoch":${JSON.stringify(epoch)}}`;
  return `{"offset":${offset}${epoch === "" ? "" : `,"epoch":${JSON.stringify(epoch)}`}}`;
}
