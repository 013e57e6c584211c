import type { RequestListener } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { HTTPException } from "hono/http-exception";
import { secureHeaders } from "hono/secure-headers";
import { mailboxOf } from "./address.ts";
import type { Announcer } from "./announcer.ts";
import { type Asset, loadAssets } from "./assets.ts";
import { mailLimits } from "./limits.ts";
import { type Log, reasonOf } from "./log.ts";
import type { Storage } from "./storage.ts";
import type { MailInfo, MailList } from "./wire.ts";

/** What the HTTP side of the Storage needs. */
export interface HttpParts {
  readonly storage: Pick<Storage, "list" | "text" | "markSeen" | "state" | "version">;
  readonly announcer: Pick<Announcer, "announce">;
  readonly log: Log;
  /** Where mail is taken, asked with each request. */
  readonly info: () => MailInfo;
}

/**
 * The Storage's HTTP API and its page. GET …/messages with If-None-Match is the polling that the article did away with:
 * here a page asks once, and again after it was offline.
 */
export function createMailHttp(parts: HttpParts): RequestListener {
  const app = new Hono();
  app.use((context, next) => pageHeaders(parts.info())(context, next));
  app.get("/info", (context) => context.json(parts.info()));
  app.get("/mailboxes/:address/messages", (context) => listMessages(context, parts));
  app.get("/mailboxes/:address/messages/:id/text", (context) => wholeText(context, parts));
  app.post("/mailboxes/:address/seen", smallBody, (context) => markSeen(context, parts));
  for (const [path, asset] of loadAssets()) app.get(path, (context) => sendAsset(context, asset));
  app.notFound((context) => context.json({ error: "Nothing is here" }, 404));
  app.onError((error, context) => answerError(error, context, parts.log));
  const listener = getRequestListener(app.fetch, { overrideGlobalObjects: false });
  return (request, response) => void listener(request, response);
}

/** Nothing inline and nothing from elsewhere: what a mail contains is shown as text, and could not run anyway. */
const pageHeaders = ({ pushPort }: MailInfo) =>
  secureHeaders({
    contentSecurityPolicy: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'"],
      imgSrc: ["'self'"],
      connectSrc: ["'self'", ...(pushPort === undefined ? [] : [`ws://*:${pushPort}`])],
      formAction: ["'self'"],
      baseUri: ["'none'"],
      frameAncestors: ["'none'"],
    },
    xFrameOptions: "DENY",
    strictTransportSecurity: false,
  });

const smallBody = bodyLimit({
  maxSize: mailLimits.requestBytesMax,
  onError: (context) => context.json({ error: `The body is over ${mailLimits.requestBytesMax} bytes` }, 413),
});

function listMessages(context: Context, { storage }: HttpParts): Response {
  const mailbox = mailboxIn(context);
  const after = wholeNumberIn(context, "after", { fallback: 0, max: Number.MAX_SAFE_INTEGER });
  const limit = wholeNumberIn(context, "limit", { fallback: mailLimits.listDefault, max: mailLimits.listMax });
  const etag = `"${storage.version(mailbox)}"`;
  if (isCurrent(context, etag)) return notModified(context, etag);
  const list: MailList = { ...storage.state(mailbox), messages: storage.list(mailbox, { after, limit }) };
  return context.json(list, 200, cacheHeaders(etag));
}

function wholeText(context: Context, { storage }: HttpParts): Response {
  const text = storage.text(mailboxIn(context), Number(context.req.param("id")));
  if (text === undefined) throw refusal(404, "The mailbox has no such message");
  return context.text(text, 200, { "Cache-Control": "no-store" });
}

async function markSeen(context: Context, { storage, announcer }: HttpParts): Promise<Response> {
  const mailbox = mailboxIn(context);
  const ids = await seenIdsIn(context);
  const { changed, unread, version } = storage.markSeen(mailbox, ids);
  const event = { type: "seen", ids: ids ?? null, unread, version } as const;
  if (changed > 0) announcer.announce([{ mailbox, event }]);
  return context.json({ changed, unread, version });
}

function mailboxIn(context: Context): string {
  const mailbox = mailboxOf(context.req.param("address") ?? "");
  if (mailbox) return mailbox;
  throw refusal(400, `Not an address: a name, @ and a domain, ${mailLimits.addressBytesMax} bytes at most`);
}

function wholeNumberIn(context: Context, name: string, { fallback, max }: { fallback: number; max: number }): number {
  const text = context.req.query(name);
  if (text === undefined) return fallback;
  if (/^\d{1,16}$/.test(text) && Number(text) <= max) return Number(text);
  throw refusal(400, `${name} is a whole number from 0 to ${max}`);
}

/**
 * The ids of `{"ids": [1, 2]}`, or undefined for `{}`, which means all. Only JSON is taken: a form on somebody else's
 * page cannot send that without asking first.
 */
async function seenIdsIn(context: Context): Promise<number[] | undefined> {
  if (!/^application\/json\b/i.test(context.req.header("content-type") ?? "")) {
    throw refusal(415, "The body is application/json");
  }
  const body: unknown = await context.req.json().catch(() => undefined);
  if (typeof body === "object" && body !== null && !Array.isArray(body)) {
    const ids: unknown = "ids" in body ? body.ids : undefined;
    if (ids === undefined) return undefined;
    if (isIdList(ids)) return ids;
  }
  throw refusal(400, `The body is {} or {"ids": [...]} with at most ${mailLimits.seenIdsMax} ids`);
}

function isIdList(ids: unknown): ids is number[] {
  return Array.isArray(ids) && ids.length <= mailLimits.seenIdsMax && ids.every((id) => Number.isSafeInteger(id));
}

function sendAsset(context: Context, asset: Asset): Response {
  if (isCurrent(context, asset.etag)) return notModified(context, asset.etag);
  return context.body(asset.body, 200, { "Content-Type": asset.type, ...cacheHeaders(asset.etag) });
}

/** Whether If-None-Match names the tag (RFC 9110, 13.1.2: weak comparison, `*` matches whatever is there). */
function isCurrent(context: Context, etag: string): boolean {
  const header = context.req.header("if-none-match") ?? "";
  return header.split(",").some((tag) => ["*", etag].includes(tag.trim().replace(/^W\//, "")));
}

function notModified(context: Context, etag: string): Response {
  return context.body(null, 304, cacheHeaders(etag));
}

function cacheHeaders(etag: string): Record<string, string> {
  return { ETag: etag, "Cache-Control": "no-cache" };
}

function refusal(status: 400 | 404 | 415, message: string): HTTPException {
  return new HTTPException(status, { message });
}

function answerError(error: Error, context: Context, log: Log): Response {
  if (error instanceof HTTPException) return context.json({ error: error.message }, error.status);
  log.error(`${context.req.method} ${context.req.path}: ${reasonOf(error)}`);
  return context.json({ error: "The server failed" }, 500);
}
