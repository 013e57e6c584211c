import { type Command, DONE } from "../command.ts";
import { DisconnectError, disconnects, stringField } from "../protocol.ts";

/** Ends a subscription (PROTOCOL.md, "unsubscribe"); one that is not there ends all the same. */
export const unsubscribe: Command = ({ subscriptions }, fd, fields) => {
  const channel = stringField(fields, "channel");
  if (channel === "") throw new DisconnectError(disconnects.BAD_REQUEST);
  subscriptions.remove(fd, channel);
  return DONE;
};
