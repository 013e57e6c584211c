import * as v from "valibot";
import { ReplyError, replyErrors } from "../protocol.ts";

/** How much of a text is repeated to whoever sent it. */
const CHARACTERS_SHOWN = 40;

/** Error 107: names the field, what is allowed, and what came. */
export function badRequest(field: string, allowed: string, came: unknown): ReplyError {
  return new ReplyError(107, `${replyErrors[107]}: ${field}: allowed is ${allowed}; came ${shown(came)}`);
}

/** A request of the form that its schema asks for; throws error 107. */
export function checked<Schema extends v.GenericSchema>(schema: Schema, body: unknown): v.InferOutput<Schema> {
  const result = v.safeParse(schema, body, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw badRequest(v.getDotPath(issue) ?? "body", issue.message, issue.input);
}

function shown(came: unknown): string {
  if (came === undefined) return "nothing";
  if (Array.isArray(came)) return `a list of ${came.length}`;
  if (typeof came === "object" && came !== null) return "an object";
  if (typeof came !== "string" || came.length <= CHARACTERS_SHOWN) return JSON.stringify(came);
  return `${JSON.stringify(came.slice(0, CHARACTERS_SHOWN))} and ${came.length - CHARACTERS_SHOWN} characters more`;
}
