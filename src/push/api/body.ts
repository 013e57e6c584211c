import type { Context } from "hono";
import { bodyLimit } from "hono/body-limit";
import { HTTPException } from "hono/http-exception";
import { parseJson } from "./json-text.ts";

/** Reads a request's body as JSON; HTTPException 413 for one that is too large, 400 for one that is not JSON. */
export type BodyReader = (c: Context) => Promise<unknown>;

/** Makes a reader of bodies of at most `bytesMax`. */
export function bodyReader(bytesMax: number): BodyReader {
  const tooLarge = () =>
    new HTTPException(413, { message: `the body is too large: apiBodyBytesMax is ${bytesMax}, an option` });
  const onError = () => {
    throw tooLarge();
  };
  const counted = bodyLimit({ maxSize: bytesMax, onError });
  return async (c) => {
    // Where the length is known the bytes need not be counted, for which they would take a longer way, over streams.
    const length = c.req.header("content-length");
    const isKnown = length !== undefined && c.req.header("transfer-encoding") === undefined;
    if (isKnown && Number(length) > bytesMax) throw tooLarge();
    if (!isKnown) await counted(c, async () => {}).catch(interrupted);
    return parsed(await c.req.text().catch(interrupted));
  };
}

function parsed(text: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    throw new HTTPException(400, { message: `the body ${error instanceof Error ? error.message : "is not JSON"}` });
  }
}

/** The caller went away, which is no failure of the server's. */
function interrupted(error: unknown): never {
  throw error instanceof HTTPException ? error : new HTTPException(400, { message: "the body ended too early" });
}
