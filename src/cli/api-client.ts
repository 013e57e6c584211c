import * as v from "valibot";

/** Why a call of the HTTP API failed: a sentence for people that says what to do. */
export class ApiTrouble extends Error {
  override readonly name = "ApiTrouble";
}

/** Which server to call, and how. */
export interface ApiAddress {
  /** The HTTP API is at `api/` below it. */
  readonly api: URL;
  readonly apiKey?: string | undefined;
  readonly timeoutSeconds: number;
}

const fault = v.object({ code: v.number(), message: v.string() });
/** The answer to a batch has no `result` around it. */
const answered = v.union([
  v.object({ result: v.looseObject({}) }),
  v.object({ replies: v.array(v.unknown()) }),
  v.object({ error: fault }),
  fault,
]);

/** Calls a method of the HTTP API of a running server. Resolves with the result; rejects with {@link ApiTrouble}. */
export async function callApi(address: ApiAddress, method: string, body: object): Promise<Record<string, unknown>> {
  const { api } = address;
  const response = await send(address, method, body).catch((error: unknown) => {
    throw new ApiTrouble(unreachable(address, error));
  });
  const answer = v.safeParse(answered, await response.json().catch(() => undefined));
  if (!answer.success) {
    throw new ApiTrouble(`${api.origin} answered ${response.status}, and not as the HTTP API does: name it with --api`);
  }
  const { output } = answer;
  if ("result" in output) return output.result;
  if ("replies" in output) return output;
  throw new ApiTrouble(refused("error" in output ? output.error : output));
}

function send({ api, apiKey, timeoutSeconds }: ApiAddress, method: string, body: object): Promise<Response> {
  const below = new URL(api);
  below.pathname = `${below.pathname.replace(/\/$/, "")}/api/${method}`;
  const key = apiKey === undefined ? {} : { "X-API-Key": apiKey };
  return fetch(below, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...key },
    body: JSON.stringify(body),
    // After a redirect the body would be lost.
    redirect: "manual",
    signal: AbortSignal.timeout(timeoutSeconds * 1000),
  });
}

function unreachable({ api, timeoutSeconds }: ApiAddress, error: unknown): string {
  if (error instanceof Error && error.name === "TimeoutError") {
    const again = "it may have been done all the same: with --idempotency-key it can be tried again";
    return `no answer from ${api.origin} within ${timeoutSeconds} s (--timeout); ${again}`;
  }
  const { code = String(error) } = ((error as Error).cause ?? {}) as { code?: string };
  return `no server answers at ${api.origin} (${code}): start one with "belfry serve", or name another with --api`;
}

function refused({ code, message }: v.InferOutput<typeof fault>): string {
  if (code === 401)
    return `the server does not know the key: give another with --api-key or BELFRY_API_KEY (${message})`;
  if (code === 403) return `the key is not for this: give one that is with --api-key or BELFRY_API_KEY (${message})`;
  return `the server refused it: ${message} (${code})`;
}
