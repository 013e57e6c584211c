import { limits } from "../../limits.ts";

/** A request that brought no answer of the application's. */
export class ProxyFailure extends Error {
  override readonly name = "ProxyFailure";
  /** What there are few of, for the log. */
  readonly kind: string;
  /** Whether the application is not there, or overloaded: it is not only this request that fails. */
  readonly isDown: boolean;

  /** `message` says what happened, and what to do. */
  constructor(kind: string, message: string, isDown: boolean) {
    super(message);
    this.kind = kind;
    this.isDown = isDown;
  }
}

/** How a request is made. */
export interface PostOptions {
  /** Until the last byte of the answer. */
  readonly secondsMax: number;
  readonly answerBytesMax: number;
}

/** Statuses that say that there is nobody to answer: of overload, and of a proxy on the way. */
const DOWN: readonly number[] = [429, 502, 503, 504];

/**
 * POSTs a JSON text, and returns the text of an answer with the status 200. Throws {@link ProxyFailure} for everything
 * else; redirects are not followed, as they would carry the headers elsewhere.
 */
export async function post(url: URL, headers: Headers, body: string, options: PostOptions): Promise<string> {
  const controller = new AbortController();
  const { signal } = controller;
  const timer = setTimeout(() => controller.abort(late(options.secondsMax)), options.secondsMax * 1000);
  try {
    const response = await fetch(url, { method: "POST", headers, body, redirect: "manual", signal });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw refused(response.status);
    }
    return decode(await read(response, options.answerBytesMax, controller));
  } catch (error) {
    throw explained(signal.aborted ? signal.reason : error);
  } finally {
    clearTimeout(timer);
  }
}

async function read(response: Response, bytesMax: number, controller: AbortController): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > bytesMax) controller.abort(tooLong(bytesMax));
    controller.signal.throwIfAborted();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new ProxyFailure("text", "the answer is no UTF-8; let the application answer JSON in UTF-8", false);
  }
}

function late(secondsMax: number): ProxyFailure {
  const limit = `secondsMax is ${secondsMax} (option secondsMax, default ${limits.proxySecondsMax})`;
  return new ProxyFailure("late", `no whole answer came in time: ${limit}; see why the application is slow`, true);
}

function tooLong(bytesMax: number): ProxyFailure {
  const limit = `answerBytesMax is ${bytesMax} (option answerBytesMax, default ${limits.proxyAnswerBytesMax})`;
  return new ProxyFailure("long", `the answer is too long: ${limit}; answer less`, false);
}

function refused(status: number): ProxyFailure {
  const todo =
    status < 500
      ? "check the URL, and that the application answers 200 there, errors included"
      : "see the application's log";
  return new ProxyFailure(`status ${status}`, `the answer has the status ${status}; ${todo}`, DOWN.includes(status));
}

/** What fetch throws says little itself: its cause is what the system or the HTTP parser said. */
function explained(error: unknown): ProxyFailure {
  if (error instanceof ProxyFailure) return error;
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  const what = code === "" ? String(cause) : code;
  return new ProxyFailure(code || "network", `it cannot be reached: ${what}; check the URL, and that it runs`, true);
}
