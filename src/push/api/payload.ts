import { badRequest } from "./bad-request.ts";
import { parseJson } from "./json-text.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** The value that a caller gave plainly or, which goes first, in base64; undefined for neither. Throws error 107. */
export function payloadOf(plain: unknown, base64Field: string, base64: string): unknown {
  return base64 === "" ? plain : decoded(base64Field, base64);
}

/** The data of a publication as one line of JSON text. Throws error 107. */
export function dataOf({ data, b64data }: { readonly data?: unknown; readonly b64data: string }): string {
  const value = payloadOf(data, "b64data", b64data);
  if (value === undefined) throw badRequest("data", "any JSON, or b64data instead", undefined);
  return JSON.stringify(value);
}

function decoded(field: string, base64: string): unknown {
  const bytes = Buffer.from(base64, "base64");
  // Buffer skips what is no base64: only what comes out the same was some.
  if (bytes.toString("base64") !== base64) throw badRequest(field, "base64 with its padding", base64);
  try {
    return parseJson(utf8.decode(bytes));
  } catch (fault) {
    const why = fault instanceof SyntaxError ? `, and this ${fault.message}` : ", and this is not UTF-8";
    throw badRequest(field, `base64 of JSON text${why}`, base64);
  }
}
