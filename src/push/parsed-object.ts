import { type Fields, isObject } from "./protocol.ts";

/** The JSON object of a text from the Bus, where anybody may say anything; undefined for what is none. */
export function parsedObject(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
