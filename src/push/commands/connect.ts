import { limits } from "../../limits.ts";
import type { Command } from "../command.ts";
import { DisconnectError, disconnects, ReplyError, stringField } from "../protocol.ts";

/** The version that the client is told: that of the protocol's server that this one stands for. */
const VERSION = "belfry";

/** Opens the session (PROTOCOL.md, "connect"). Tokens are not known here: one is answered 101. */
export const connect: Command = ({ clients, allowAnonymous }, fd, fields) => {
  if (stringField(fields, "token") !== "") throw new ReplyError(101);
  if (!allowAnonymous) throw new DisconnectError(disconnects.BAD_REQUEST);
  return {
    client: clients.connect(fd),
    version: VERSION,
    ping: limits.protocolPingSeconds,
    pong: true,
  };
};
