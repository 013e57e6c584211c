import { hash, timingSafeEqual } from "node:crypto";
import type { Credentials } from "./connect.ts";

/** Who is let in: with neither a user nor a token everybody is. */
export interface GateOptions {
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly token?: string | undefined;
}

/** Judges the credentials of a CONNECT, in constant time. */
export class Gate {
  readonly #options: GateOptions;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /** Whether a client has to show anything. */
  get asks(): boolean {
    return this.#options.user !== undefined || this.#options.token !== undefined;
  }

  admits({ user, password, token }: Credentials): boolean {
    const { user: ownUser, password: ownPassword = "", token: ownToken } = this.#options;
    if (!this.asks) return true;
    const isUser = ownUser !== undefined && isSame(user, ownUser);
    const isPassword = isSame(password, ownPassword);
    const isToken = ownToken !== undefined && isSame(token, ownToken);
    return isToken || (isUser && isPassword);
  }
}

/** Of digests, so that the time it takes does not depend on the lengths either. */
function isSame(one: string, other: string): boolean {
  return timingSafeEqual(hash("sha256", one, "buffer"), hash("sha256", other, "buffer"));
}
