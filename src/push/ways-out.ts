import type { Server } from "../server.ts";
import type { Exits } from "./exits.ts";
import type { FanoutParts } from "./fanout.ts";

/** The ways to clients, whether they are WebSockets or have an exit of their own. */
export function waysOut(wire: Server["wire"], exits: Exits): FanoutParts {
  return {
    text: (fd, text) => {
      const exit = exits.of(fd);
      if (exit) exit.text(text);
      else wire.text(fd, text);
    },
    isBlocked: wire.isBlocked,
    multicast: (message, fds, count) => wire.multicast(message, fds, exits.multicast(message, fds, count)),
  };
}
