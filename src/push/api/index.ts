import { createHash, timingSafeEqual } from "node:crypto";
import { type Context, Hono } from "hono";
import type { Operations } from "../operations.ts";
export interface ApiKey {
  key: string;
  name?: string;
  scopes: readonly string[];
}
export function httpApi({ keys, operations }: { keys: readonly ApiKey[]; operations: Operations }): Hono {
  const api = new Hono();
  const digest = (t: string) => createHash("sha256").update(t).digest();
  api.use("/api/*", async (c: Context, next) => {
    const k = c.req.header("x-api-key") ?? "";
    if (keys.some(({ key }) => timingSafeEqual(digest(key), digest(k)))) return next();
    return c.json({ code: 401 }, 401);
  });
  api.post("/api/publish", async (c) => {
    const { channel, data } = await c.req.json();
    return c.json({ result: await operations.publish(channel, JSON.stringify(data), {}) });
  });
  api.post("/api/broadcast", async (c) => {
    const { channels, data } = await c.req.json();
    const all = await operations.broadcast(channels, JSON.stringify(data), {});
    return c.json({ result: { responses: all.map((result) => ({ result })) } });
  });
  return api;
}
