import type { IncomingMessage, ServerResponse } from "node:http";
import type { Health } from "./health.ts";

/** What operators may ask for; what is not here is left to others. */
export interface VitalsDoor {
  /** Resolves with the metrics as text. */
  readonly metrics?: (() => Promise<string>) | undefined;
  readonly health?: (() => Promise<Health>) | undefined;
  /** Why nobody new is to be sent here; with none, all is well. */
  readonly unready?: (() => Promise<readonly string[]>) | undefined;
}

/** The text form of metrics, as Prometheus asks for it. */
const TEXT = "text/plain; version=0.0.4; charset=utf-8";
const JSON_TYPE = "application/json";

/** Makes what answers `GET /metrics`, `/healthz` and `/readyz`; it says whether a request was one of these. */
export function vitalsDoor({ metrics, health, unready }: VitalsDoor) {
  const answers: Readonly<Record<string, (() => Promise<Answer>) | undefined>> = {
    "/metrics": metrics && (async () => ({ status: 200, type: TEXT, body: await metrics() })),
    "/healthz":
      health &&
      (async () => {
        const found = await health();
        return { status: found.status === "ok" ? 200 : 503, type: JSON_TYPE, body: JSON.stringify(found) };
      }),
    "/readyz":
      unready &&
      (async () => {
        const reasons = await unready();
        const body = reasons.length === 0 ? { status: "ok" } : { status: "unready", reasons };
        return { status: reasons.length === 0 ? 200 : 503, type: JSON_TYPE, body: JSON.stringify(body) };
      }),
  };
  return (request: IncomingMessage, response: ServerResponse): boolean => {
    const path = request.url?.split("?", 1)[0] ?? "";
    const answer = Object.hasOwn(answers, path) ? answers[path] : undefined;
    if (!answer) return false;
    void reply(request, response, answer);
    return true;
  };
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

async function reply(request: IncomingMessage, response: ServerResponse, answer: () => Promise<Answer>): Promise<void> {
  if (request.method !== "GET" && request.method !== "HEAD") {
    return void response.writeHead(405, { Allow: "GET, HEAD" }).end();
  }
  try {
    const { status, type, body } = await answer();
    const headers = { "Content-Type": type, "Content-Length": Buffer.byteLength(body), "Cache-Control": "no-store" };
    response.writeHead(status, headers).end(body);
  } catch {
    // Why is not for everybody who may ask.
    response.writeHead(503, { "Content-Type": JSON_TYPE }).end('{"status":"failing"}');
  }
}
