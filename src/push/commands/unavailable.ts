import type { Command } from "../command.ts";
import { ReplyError, type ReplyErrorCode } from "../protocol.ts";

/**
 * A method that no channel here offers: the answer that the protocol has for it (PROTOCOL.md, "What is not supported").
 */
export function unavailable(code: ReplyErrorCode): Command {
  return () => {
    throw new ReplyError(code);
  };
}
