import * as v from "valibot";
import { limits } from "../limits.ts";

/** A channel's name as back ends give it: not empty, and at most channelBytesMax bytes of UTF-8. */
export const channelName = v.pipe(
  v.string(),
  v.check((name) => name.isWellFormed(), "Invalid text: half of a surrogate pair"),
  v.nonEmpty("Invalid length: a channel's name is not empty"),
  v.maxBytes(limits.channelBytesMax, `Invalid length: channelBytesMax is ${limits.channelBytesMax}`),
);
