import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import type { Endpoint } from "./endpoint.ts";
import { type ApiKey, Keyring, mayUse } from "./keys.ts";

/** Who may come in, and for what. Refusals are HTTPException. */
export class Door {
  readonly #keys: Keyring;

  /** Throws BELFRY_BAD_OPTION for keys that cannot be. */
  constructor(keys: readonly ApiKey[]) {
    this.#keys = new Keyring(keys);
  }

  /** The key that a request shows; 401 for none, or one that is not known. */
  keyOf(c: Context): ApiKey {
    const key = this.#keys.find(shownKey(c));
    if (key) return key;
    const how = "unauthorized: show a key as X-API-Key, as Authorization: apikey, or as api_key in the query";
    const none = "unauthorized: the server has no API key set, so that it lets nobody in: give it one";
    throw new HTTPException(401, { message: this.#keys.isEmpty ? none : how });
  }

  /** 403 unless the key is for all that the body calls. */
  checkScopes(key: ApiKey, endpoint: Endpoint, body: unknown): void {
    const beyond = endpoint.calls(body).find(({ scope }) => !mayUse(key, scope));
    if (!beyond) return;
    const which = key.name === undefined ? "this key" : `the key ${JSON.stringify(key.name)}`;
    const message = `${beyond.name} needs the scope ${beyond.scope}, ${which} has ${key.scopes.join(", ")}`;
    throw new HTTPException(403, { message: `permission denied: ${message}` });
  }
}

/** The first that is there counts; "" is no key. */
function shownKey(c: Context): string {
  return c.req.header("x-api-key") ?? authorization(c) ?? c.req.query("api_key") ?? "";
}

function authorization(c: Context): string | undefined {
  return /^apikey (.*)$/i.exec(c.req.header("authorization") ?? "")?.[1];
}
