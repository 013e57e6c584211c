import { type Context, Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { limits } from "../../limits.ts";
import { type Log, silent } from "../../log.ts";
import { batch } from "./batch.ts";
import { bodyReader } from "./body.ts";
import { Door } from "./door.ts";
import { type Endpoint, endpointOf } from "./endpoint.ts";
import { ERROR_MODE_HEADER, type ErrorMode, statusOf } from "./error-mode.ts";
import type { ApiKey } from "./keys.ts";
import { legacy } from "./legacy.ts";
import { type CallParts, errorText, faultOf } from "./method.ts";
import { methods } from "./methods.ts";
import { OPENAPI_PATH, openApi } from "./openapi.ts";

/** What the HTTP API needs of the server. */
export interface HttpApiParts extends Omit<CallParts, "log"> {
  /** Where errors are told that are none of the protocol's. Default: nowhere. */
  readonly log?: Log | undefined;
  /** Who is let in; with none nobody is. */
  readonly keys: readonly ApiKey[];
  /** What callers get that do not choose. Default "body". */
  readonly errorMode?: ErrorMode | undefined;
  /** Default limits.apiBodyBytesMax. */
  readonly apiBodyBytesMax?: number | undefined;
}

const endpoints: readonly Endpoint[] = [...methods.map(endpointOf), batch, legacy];

/**
 * Centrifugo's HTTP API (PROTOCOL.md, "HTTP API"), and its description at `GET /api/openapi.json`. Throws
 * BELFRY_BAD_OPTION for keys that cannot be.
 */
export function httpApi(parts: HttpApiParts): Hono {
  const { operations, counts, errorMode = "body", apiBodyBytesMax = limits.apiBodyBytesMax, log = silent } = parts;
  const door = new Door(parts.keys);
  const read = bodyReader(apiBodyBytesMax);
  const api = new Hono();
  for (const endpoint of endpoints) {
    // One handler for each path: a chain of middleware would cost a publish more than the rest that is done here.
    api.post(endpoint.path, async (c) => {
      const key = door.keyOf(c);
      const body = await read(c);
      door.checkScopes(key, endpoint, body);
      return json(c, 200, await endpoint.answerTo({ operations, log, counts }, body));
    });
    api.all(endpoint.path, (c) => refusal(c, 405, "this is called with POST"));
  }
  let document: string | undefined;
  // It holds no secret, and tools read it that have no key.
  api.get(OPENAPI_PATH, (c) => {
    document ??= JSON.stringify(openApi(endpoints));
    return json(c, 200, document);
  });
  api.notFound((c) => {
    const { path } = c.req;
    if (path !== "/api" && !path.startsWith("/api/")) return refusal(c, 404, "nothing is here; the API is at /api");
    door.keyOf(c);
    return refusal(
      c,
      404,
      `there is no such method; there are ${methods.map(({ name }) => name).join(", ")} and batch`,
    );
  });
  api.onError((error, c) => {
    if (error instanceof HTTPException) return refusal(c, error.status, error.message);
    const fault = faultOf(log, error);
    const isTransport = errorMode === "transport" || c.req.header(ERROR_MODE_HEADER) === "transport";
    if (isTransport) return json(c, statusOf(fault.code), errorText(fault));
    return json(c, 200, `{"error":${errorText(fault)}}`);
  });
  return api;
}

/** What HTTP itself has a word for: who is not let in, and bodies that are none. The same in both error modes. */
function refusal(c: Context, status: ContentfulStatusCode, message: string): Response {
  // RFC 9110: 401 says how to come in (11.6.1), 405 what is allowed (15.5.6).
  if (status === 401) c.header("WWW-Authenticate", "apikey");
  if (status === 405) c.header("Allow", "POST");
  return json(c, status, errorText({ code: status, message }));
}

function json(c: Context, status: ContentfulStatusCode, text: string): Response {
  return c.body(text, status, { "Content-Type": "application/json" });
}
