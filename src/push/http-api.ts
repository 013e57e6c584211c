import { createHash, timingSafeEqual } from "node:crypto";
import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import * as v from "valibot";
import type { Broker } from "../bus/index.ts";
import { limits } from "../limits.ts";
import { channel, channels } from "./channel-name.ts";
import { type ReplyErrorCode, replyErrors } from "./protocol.ts";

/** The result or the error of one call: Centrifugo's HTTP API answers 200 with either. */
type Answer = { result: object } | { error: { code: ReplyErrorCode; message: string } };

const present = v.custom<unknown>((value) => value !== undefined, "Invalid key: data is missing");
const publishBody = v.object({ channel, data: present });
const broadcastBody = v.object({ channels, data: present });

/** What the HTTP API needs of the server: a key to compare with, and the way to the Bus. */
export interface HttpApiParts {
  /** The key that a caller must show; without one nobody is let in. */
  readonly apiKey: string | undefined;
  /** Where publications go. */
  readonly broker: Pick<Broker, "publish" | "broadcast">;
}

/** Centrifugo's HTTP API (PROTOCOL.md, "HTTP API"): `POST /api/publish` and `POST /api/broadcast`. */
export function httpApi({ apiKey, broker }: HttpApiParts): Hono {
  const api = new Hono();
  const isKey = keyCheck(apiKey);
  api.use("/api/*", async (c, next) => {
    if (isKey(shownKey(c))) return next();
    return c.json({ code: 401, message: apiKey === undefined ? "the server has no API key set" : "unauthorized" }, 401);
  });
  api.use(
    "/api/*",
    bodyLimit({
      maxSize: limits.apiBodyBytesMax,
      onError: (c) => c.json({ code: 413, message: `apiBodyBytesMax is ${limits.apiBodyBytesMax}` }, 413),
    }),
  );
  api.post("/api/publish", (c) =>
    call(c, publishBody, async ({ channel, data }) => {
      await broker.publish(channel, JSON.stringify(data));
      return taken;
    }),
  );
  api.post("/api/broadcast", (c) =>
    call(c, broadcastBody, async ({ channels, data }) => {
      const outcomes = await broker.broadcast(channels, JSON.stringify(data));
      return { result: { responses: outcomes.map((outcome) => (outcome instanceof Error ? failure(100) : taken)) } };
    }),
  );
  api.notFound((c) => c.json({ code: 404, message: "there is no such method; there are publish and broadcast" }, 404));
  return api;
}

const taken: Answer = { result: {} };

async function call<Schema extends v.GenericSchema>(
  c: Context,
  schema: Schema,
  method: (body: v.InferOutput<Schema>) => Promise<Answer>,
): Promise<Response> {
  let body: unknown;
  try {
    body = JSON.parse(await c.req.text());
  } catch {
    return c.json({ code: 400, message: "the body is not JSON" }, 400);
  }
  const checked = v.safeParse(schema, body);
  if (checked.success) return c.json(await method(checked.output).catch(() => failure(100)));
  const [issue] = checked.issues;
  return c.json(failure(107, `${v.getDotPath(issue) ?? "body"}: ${issue.message}`));
}

function failure(code: ReplyErrorCode, detail?: string): Answer {
  const message = replyErrors[code];
  return { error: { code, message: detail === undefined ? message : `${message}: ${detail}` } };
}

function shownKey(c: Context): string {
  const bearer = /^apikey (.*)$/i.exec(c.req.header("authorization") ?? "")?.[1];
  return c.req.header("x-api-key") ?? bearer ?? c.req.query("api_key") ?? "";
}

/** Compares digests, in a time that does not depend on the keys. */
function keyCheck(apiKey: string | undefined): (shown: string) => boolean {
  if (apiKey === undefined || apiKey === "") return () => false;
  const digest = (text: string) => createHash("sha256").update(text).digest();
  const expected = digest(apiKey);
  return (shown) => timingSafeEqual(digest(shown), expected);
}
