import * as v from "valibot";
import { limits } from "../../limits.ts";
import type { HookDisconnect, HookError } from "../hooks.ts";
import { replyErrors } from "../protocol.ts";
import { ProxyFailure } from "./post.ts";
import type { ResultSchema } from "./results.ts";

const isDisconnectCode = (code: number) => code >= 4000 && code <= 4999;
const isErrorCode = (code: number) => Object.hasOwn(replyErrors, code) || (code >= 400 && code <= 1999);
const fits = (reason: string) => Buffer.byteLength(reason) <= limits.closeReasonBytesMax;

const whole = v.pipe(v.number(), v.integer("expected a whole number"));

const error = v.object({
  code: v.pipe(whole, v.check(isErrorCode, "expected 400 to 1999, or a code of the protocol's, 100 to 113")),
  message: v.nullish(v.string(), ""),
  temporary: v.nullish(v.boolean()),
});

const disconnect = v.object({
  code: v.pipe(whole, v.check(isDisconnectCode, "expected 4000 to 4499 to let the client come back, or 4500 to 4999")),
  reason: v.pipe(
    v.nullish(v.string(), ""),
    v.check(fits, `expected at most ${limits.closeReasonBytesMax} bytes (closeReasonBytesMax)`),
  ),
});

const answer = v.object({
  disconnect: v.nullish(disconnect),
  error: v.nullish(error),
  result: v.optional(v.unknown()),
});

/**
 * What the text of an application's answer says. When it holds several of the three, a disconnect goes before an error,
 * and that before a result. Throws {@link ProxyFailure} for what is no answer; its message quotes nothing of it.
 */
export function readAnswer<Reply>(text: string, schema: ResultSchema<Reply>): Reply | HookError | HookDisconnect {
  const { disconnect, error, result } = parse(answer, json(text), []);
  if (disconnect) return { disconnect };
  if (error) return { error: errorOf(error) };
  if (result === undefined || result === null) throw garbage("expected one of result, error and disconnect");
  return parse(schema, result, ["result"]);
}

function errorOf({ code, message, temporary }: v.InferOutput<typeof error>): HookError["error"] {
  const known = (replyErrors as Readonly<Record<number, string>>)[code];
  return { code, message: message || known || "error", ...(typeof temporary === "boolean" && { temporary }) };
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw garbage("it is no JSON");
  }
}

function parse<Value>(schema: ResultSchema<Value>, value: unknown, at: readonly string[]): Value {
  const read = v.safeParse(schema, value, { abortEarly: true });
  if (read.success) return read.output;
  const [issue] = read.issues;
  const path = [...at, v.getDotPath(issue) ?? []].flat().join(".");
  // A message of valibot's own quotes what came, which may be a secret.
  const what = issue.kind === "schema" && issue.type !== "custom" ? `expected ${issue.expected}` : issue.message;
  throw garbage(path === "" ? what : `${path}: ${what}`);
}

function garbage(what: string): ProxyFailure {
  const todo = "let the application answer as the documentation of Centrifugo's HTTP proxies says";
  return new ProxyFailure("answer", `the answer is none: ${what}; ${todo}`, false);
}
