import type { PublishOptions } from "../bus/index.ts";
import { type ChannelOptions, keepsHistory } from "./channels.ts";
import type { ApiPublishOptions } from "./operations.ts";

const PLAIN: PublishOptions = {};

/** How a back end's publication is made in each of many channels: made once for those of a namespace, in a row. */
export function publishOptionsFor(how: ApiPublishOptions): (options: ChannelOptions) => PublishOptions {
  let last: ChannelOptions | undefined;
  let made = PLAIN;
  return (options) => {
    if (options !== last) {
      last = options;
      made = publishOptions(options, how);
    }
    return made;
  };
}

/** How a back end's publication is made in a channel with these options. */
export function publishOptions(options: ChannelOptions, how: ApiPublishOptions): PublishOptions {
  const isKept = keepsHistory(options) && how.skipHistory !== true;
  const history = isKept ? { size: options.historySize, seconds: options.historySeconds } : undefined;
  const { tags, idempotencyKey, version, versionEpoch } = how;
  const isPlain = tags === undefined && idempotencyKey === undefined && version === undefined;
  return isPlain && !history ? PLAIN : { history, tags, idempotencyKey, version, versionEpoch };
}
