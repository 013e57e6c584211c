import { WireError } from "../bus/wire.ts";
import type { ConnectOptions } from "./client.ts";

/** What a client shows to be let in. */
export interface Credentials {
  readonly user: string;
  readonly password: string;
  readonly token: string;
}

/** Reads the JSON of a CONNECT into `options`; unknown fields are ignored. Throws WireError. */
export function readConnect(json: string, options: ConnectOptions): Credentials {
  const said = parsed(json);
  const flag = (name: string, otherwise: boolean) => (typeof said[name] === "boolean" ? said[name] : otherwise);
  const text = (name: string) => (typeof said[name] === "string" ? said[name] : "");
  options.verbose = flag("verbose", true);
  options.pedantic = flag("pedantic", true);
  options.echo = flag("echo", true);
  options.headers = flag("headers", false);
  options.noResponders = flag("no_responders", false);
  return { user: text("user"), password: text("pass"), token: text("auth_token") };
}

function parsed(json: string): Readonly<Record<string, unknown>> {
  try {
    const said: unknown = JSON.parse(json);
    if (typeof said === "object" && said !== null) return said as Record<string, unknown>;
  } catch {
    // Told below, as any other value that is no object.
  }
  throw new WireError("Parser Error: CONNECT is not followed by a JSON object");
}
