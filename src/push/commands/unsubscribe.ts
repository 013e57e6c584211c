import type { Command } from "../command.ts";
import { DisconnectError, disconnects, stringField } from "../protocol.ts";

/** Ends a subscription (PROTOCOL.md, "unsubscribe"); one that is not there ends all the same. */
export const unsubscribe: Command = ({ hub }, fd, fields) => {
  const channel = stringField(fields, "channel");
  if (channel === "") throw new DisconnectError(disconnects.BAD_REQUEST);
  hub.unsubscribe(fd, channel);
  return {};
};
