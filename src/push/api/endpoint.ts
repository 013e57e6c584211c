import type * as v from "valibot";
import type { ApiMethod, CallParts, Example } from "./method.ts";
import { object } from "./schema.ts";

/** One path of the HTTP API. */
export interface Endpoint {
  readonly path: string;
  readonly summary: string;
  /** What the key must be for, in words. */
  readonly needs: string;
  readonly request: v.GenericSchema;
  /** What is answered when nothing failed. */
  readonly answer: v.GenericSchema;
  /** `result` is the whole answer. */
  readonly example: Example;
  /** The methods that a body calls, whose scopes the key must have; a malformed body may call none. */
  calls(body: unknown): readonly ApiMethod[];
  /** Resolves with the answer as JSON text; rejects with ReplyError. */
  answerTo(parts: CallParts, body: unknown): Promise<string>;
}

/** The path of a method: `POST /api/publish`. */
export function endpointOf(method: ApiMethod): Endpoint {
  const { name, summary, request, example } = method;
  return {
    path: `/api/${name}`,
    summary,
    needs: `the scope ${method.scope}`,
    request,
    answer: object({ result: method.result }),
    example: { request: example.request, result: { result: example.result } },
    calls: () => [method],
    answerTo: async (parts, body) => `{"result":${await method.call(parts, body)}}`,
  };
}
