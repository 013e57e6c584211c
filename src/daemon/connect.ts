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
  const flag = (name: string, otherwise: boolean) => fieldOf(said, name, otherwise);
  const text = (name: string) => fieldOf(said, name, "");
  const protocol = fieldOf(said, "protocol", 0);
  if (protocol !== 0 && protocol !== 1) throw new WireError("invalid client protocol");
  options.verbose = flag("verbose", true);
  options.pedantic = flag("pedantic", true);
  options.echo = flag("echo", true);
  options.headers = flag("headers", false);
  options.noResponders = flag("no_responders", false);
  if (options.noResponders && !options.headers) throw new WireError("no responders requires headers support");
  return { user: text("user"), password: text("pass"), token: text("auth_token") };
}

/** A field, or what it is when it is absent or null. */
function fieldOf<Value>(said: Readonly<Record<string, unknown>>, name: string, otherwise: Value): Value {
  const value = said[name] ?? otherwise;
  if (typeof value !== typeof otherwise) {
    throw new WireError(`Parser Error: ${name} of CONNECT is a ${typeof value} and no ${typeof otherwise}`);
  }
  return value as Value;
}

function parsed(json: string): Readonly<Record<string, unknown>> {
  try {
    const said: unknown = JSON.parse(json);
    if (typeof said === "object" && said !== null && !Array.isArray(said)) return said as Record<string, unknown>;
  } catch {
    // Told below, as any other value that is no object.
  }
  throw new WireError("Parser Error: CONNECT is not followed by a JSON object");
}
