import type { ContentfulStatusCode } from "hono/utils/http-status";
import { said, whole } from "./fields.ts";
import { object } from "./schema.ts";

/**
 * How an error of the protocol is answered: "body" with status 200 and `{"error":{"code","message"}}`, "transport"
 * with a status of HTTP and `{"code","message"}`.
 */
export const errorModes = ["body", "transport"] as const;
/** One of {@link errorModes}. */
export type ErrorMode = (typeof errorModes)[number];

/** The header with which a caller chooses the mode "transport". */
export const ERROR_MODE_HEADER = "X-Centrifugo-Error-Mode";

/** An error in an answer. */
export const errorSchema = object({
  code: whole("the error's code", 100, 1999),
  message: said("what is wrong, for people"),
});

const statuses: Readonly<Record<number, ContentfulStatusCode>> = {
  102: 404,
  103: 403,
  104: 404,
  106: 400,
  107: 400,
  108: 400,
  111: 429,
  112: 416,
  113: 409,
};

/**
 * The status of an error in the mode "transport"; 500 for what HTTP has no word for, the application's codes included.
 */
export function statusOf(code: number): ContentfulStatusCode {
  return statuses[code] ?? 500;
}
