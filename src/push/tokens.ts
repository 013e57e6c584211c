import { limits } from "../limits.ts";
import { type Log, silent } from "../log.ts";
import type { Maybe } from "./chain.ts";
import type { ServerSubscription } from "./hooks.ts";
import { DisconnectError, disconnects, ReplyError } from "./protocol.ts";
import {
  type ConnectionToken,
  readConnectionClaims,
  readSubscriptionClaims,
  type SubscriptionClaims,
} from "./tokens/claims.ts";
import { TokenFault } from "./tokens/fault.ts";
import type { TokenOptions } from "./tokens/options.ts";
import { type Found, Recent } from "./tokens/recent.ts";
import { Verifier } from "./tokens/verifier.ts";

export type { ConnectionToken } from "./tokens/claims.ts";
export type { TokenOptions } from "./tokens/options.ts";

/** What a subscription token says. Shared by all who show the same token: not to be changed. */
export interface SubscriptionToken extends ServerSubscription {}

/**
 * Centrifugo's tokens (JWT, RFC 7519): they say who a client is and what it may subscribe to, signed by a back end that
 * is not asked. The errors they throw hold what exactly was wrong in their `cause`: that is for the operator alone.
 */
export class Tokens {
  readonly #verifier: Verifier;
  readonly #userClaim: string;
  readonly #log: Log;
  readonly #connections: Recent<ConnectionToken>;
  readonly #subscriptions: Recent<SubscriptionClaims>;

  /** `now` gives milliseconds since 1970. Throws BELFRY_BAD_OPTION. */
  constructor(options: TokenOptions, now: () => number = Date.now, log: Log = silent) {
    this.#verifier = new Verifier(options, now, log);
    this.#userClaim = options.userClaim ?? "sub";
    this.#log = log;
    this.#connections = new Recent(now);
    this.#subscriptions = new Recent(now);
    const { hmacSecret } = options;
    if (hmacSecret !== undefined && Buffer.byteLength(hmacSecret) < limits.hmacSecretBytesMin) {
      log.warn(`hmacSecret has fewer than ${limits.hmacSecretBytesMin} bytes: whoever holds a token can search for it`);
    }
  }

  /** Whether there is a key, and so a token that would be accepted. */
  get enabled(): boolean {
    return this.#verifier.algorithms.size > 0;
  }

  /**
   * Who shows this token. Throws, or rejects with, ReplyError 109 when it has expired, 100 when the keys are out of
   * reach, and with DisconnectError 3500 for any other fault. `expireAt` may be in the past: the claim `expire_at` is
   * free.
   */
  connection(token: string): Maybe<ConnectionToken> {
    const found = this.#connections.find(token, () => this.#look(token, readConnectionClaims));
    if (!(found instanceof Promise)) return found;
    return found.catch((error: unknown) => {
      throw this.#refusal(error, new DisconnectError(disconnects.INVALID_TOKEN));
    });
  }

  /**
   * How the user may be subscribed to the channel. Throws, or rejects with, ReplyError 109 when the token has
   * expired, 100 when the keys are out of reach, 103 when it is not genuine or malformed, and with DisconnectError
   * 3500 when it is another user's, for another channel, or longer than `tokenBytesMax`.
   */
  subscription(token: string, expected: { user: string; channel: string }): Maybe<SubscriptionToken> {
    const found = this.#subscriptions.find(token, () => this.#look(token, readSubscriptionClaims));
    if (!(found instanceof Promise)) return this.#meant(found, expected);
    return found.then(
      (claims) => this.#meant(claims, expected),
      (error: unknown) => {
        const oversized = error instanceof TokenFault && error.kind === "oversized";
        throw this.#refusal(error, oversized ? new DisconnectError(disconnects.INVALID_TOKEN) : new ReplyError(103));
      },
    );
  }

  /** The subscription, if it is that of this user to this channel. */
  #meant(claims: SubscriptionClaims, expected: { user: string; channel: string }): SubscriptionToken {
    if (claims.channel === "" || claims.channel !== expected.channel || claims.user !== expected.user) {
      const fault = new TokenFault("invalid", "it is another user's, or for another channel");
      throw this.#refusal(fault, new DisconnectError(disconnects.INVALID_TOKEN));
    }
    return claims.subscription;
  }

  async #look<Value>(
    token: string,
    read: (claims: Readonly<Record<string, unknown>>, userClaim: string) => Value,
  ): Promise<Found<Value>> {
    const claims = await this.#verifier.verify(token);
    const { exp = Number.POSITIVE_INFINITY } = claims;
    return { value: read(claims, this.#userClaim), untilMs: exp * 1000 };
  }

  /** What the client is answered for an error of ours; `refused` when the token itself is at fault. */
  #refusal(error: unknown, refused: ReplyError | DisconnectError): ReplyError | DisconnectError {
    let answer = refused;
    if (!(error instanceof TokenFault)) {
      this.#log.error(`a token could not be verified: ${error instanceof Error ? error.stack : String(error)}`);
      answer = new ReplyError(100);
    } else if (error.kind === "expired") answer = new ReplyError(109);
    else if (error.kind === "unavailable") answer = new ReplyError(100);
    answer.cause = error;
    return answer;
  }
}
