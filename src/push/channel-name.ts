import * as v from "valibot";
import { limits } from "../limits.ts";

/** What is wrong with a channel's name as back ends give it; undefined when nothing is. */
export function channelFault(name: unknown): string | undefined {
  if (typeof name !== "string") return "Invalid type: a channel is a string";
  if (name === "") return "Invalid length: a channel's name is not empty";
  // Half a surrogate pair has no UTF-8, and would be another name on the way than the one that is judged here.
  if (!name.isWellFormed()) return "Invalid text: half of a surrogate pair";
  // A character is at most 3 bytes of UTF-8: short names, which most are, need not be measured.
  if (name.length * 3 > limits.channelBytesMax && Buffer.byteLength(name) > limits.channelBytesMax)
    return `Invalid length: channelBytesMax is ${limits.channelBytesMax}`;
  return undefined;
}

/** One channel. */
export const channel = v.custom<string>(
  (value) => channelFault(value) === undefined,
  ({ input }) => channelFault(input) ?? "",
);

/** Many channels: judged in one loop, since a schema for each costs more than the delivery. */
export const channels = v.custom<string[]>(
  (value) => channelsFault(value) === undefined,
  ({ input }) => channelsFault(input) ?? "",
);

function channelsFault(value: unknown): string | undefined {
  if (!Array.isArray(value)) return "Invalid type: channels is a list";
  for (let i = 0; i < value.length; i++) {
    const fault = channelFault(value[i]);
    if (fault !== undefined) return `${fault} (channels.${i})`;
  }
  return undefined;
}
