import type * as v from "valibot";
import type { Log } from "../../log.ts";
import type { Operations } from "../operations.ts";
import { ReplyError } from "../protocol.ts";
import { codeLabels } from "../vitals/codes.ts";
import type { PushCounts } from "../vitals/counts.ts";
import { checked } from "./bad-request.ts";
import type { ApiScope } from "./keys.ts";

/** What a call is carried out with. */
export interface CallParts {
  readonly operations: Operations;
  readonly log: Log;
  /** Told of each call, for metrics. */
  readonly counts?: PushCounts | undefined;
}

/** One method, as its file writes it down. */
export interface MethodRow<Request extends v.GenericSchema> {
  readonly name: string;
  /** What a key must be for. */
  readonly scope: ApiScope;
  /** One sentence for the document. */
  readonly summary: string;
  readonly request: Request;
  readonly result: v.GenericSchema;
  readonly example: Example;
  /** Carries it out; resolves with the result as JSON text, rejects with ReplyError for what the protocol refuses. */
  run(parts: CallParts, request: v.InferOutput<Request>): Promise<string>;
}

/** A request and its result, for the document. */
export interface Example {
  readonly request: unknown;
  readonly result: unknown;
}

/** A method for whoever does not know its request: `call` checks it. */
export interface ApiMethod extends Omit<MethodRow<v.GenericSchema>, "run"> {
  /** Resolves with the result as JSON text; rejects with ReplyError, 107 for a malformed body. */
  call(parts: CallParts, body: unknown): Promise<string>;
}

/** Makes a method of its row. */
export function method<Request extends v.GenericSchema>({ run, ...row }: MethodRow<Request>): ApiMethod {
  return {
    ...row,
    call: (parts, body) => counted(parts.counts, row.name, async () => run(parts, checked(row.request, body))),
  };
}

async function counted(counts: PushCounts | undefined, name: string, work: () => Promise<string>): Promise<string> {
  if (!counts) return await work();
  const since = performance.now();
  try {
    return await work();
  } catch (error) {
    counts.apiErrors.add(name, codeLabels.error(error instanceof ReplyError ? error.code : 100));
    throw error;
  } finally {
    counts.apiCommands.observe(name, performance.now() - since);
  }
}

/** What the caller is told of an error: the protocol's as they are, others are logged, and are 100. */
export function faultOf(log: Log, error: unknown): ReplyError {
  if (error instanceof ReplyError) return error;
  log.error(`the HTTP API failed: ${error instanceof Error ? error.stack : String(error)}`);
  return new ReplyError(100);
}

/** An error as JSON text. */
export function errorText({ code, message }: { readonly code: number; readonly message: string }): string {
  return JSON.stringify({ code, message });
}
