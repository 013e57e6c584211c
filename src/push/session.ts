import type { Command, CommandParts } from "./command.ts";
import { connect } from "./commands/connect.ts";
import { subscribe } from "./commands/subscribe.ts";
import { unavailable } from "./commands/unavailable.ts";
import { unsubscribe } from "./commands/unsubscribe.ts";
import {
  DisconnectError,
  disconnects,
  EMPTY,
  encodeError,
  encodeReply,
  type Fields,
  isObject,
  type Method,
  methods,
  ReplyError,
} from "./protocol.ts";

const commands: Readonly<Record<Method, Command>> = {
  connect,
  subscribe,
  unsubscribe,
  publish: unavailable(103),
  presence: unavailable(108),
  presence_stats: unavailable(108),
  history: unavailable(108),
  rpc: unavailable(104),
  refresh: unavailable(108),
  sub_refresh: unavailable(108),
};

/**
 * Carries out the commands of one frame, in their order. Returns the replies, joined as one frame's text, "" for none.
 * Throws DisconnectError: the replies so far are lost with the connection.
 */
export function dispatch(parts: CommandParts, fd: number, text: string): string {
  let replies = "";
  for (const line of text.split("\n")) {
    if (line.trim() === "") continue;
    const reply = dispatchOne(parts, fd, parse(line));
    if (reply !== "") replies += replies === "" ? reply : `\n${reply}`;
  }
  return replies;
}

function parse(line: string): Fields {
  let command: unknown;
  try {
    command = JSON.parse(line);
  } catch {
    throw new DisconnectError(disconnects.BAD_REQUEST);
  }
  if (!isObject(command)) throw new DisconnectError(disconnects.BAD_REQUEST);
  return command;
}

function dispatchOne(parts: CommandParts, fd: number, command: Fields): string {
  const { clients } = parts;
  const id = Object.hasOwn(command, "id") ? command["id"] : 0;
  if (typeof id !== "number" || !Number.isInteger(id) || id < 0 || id > 0xffffffff) bad();
  if (id === 0) {
    if (Object.hasOwn(command, "send")) return clients.isConnected(fd) ? "" : bad();
    return clients.takePong(fd) ? "" : bad();
  }
  const method = methods.find((name) => Object.hasOwn(command, name)) ?? bad();
  const fields = command[method];
  // Before it is connected a client may only connect, and that once; after a failed connect nothing.
  if (!isObject(fields) || (method === "connect" ? !clients.isNew(fd) : !clients.isConnected(fd))) return bad();
  try {
    return encodeReply(id, method, commands[method](parts, fd, fields));
  } catch (error) {
    if (!(error instanceof ReplyError)) throw error;
    if (method === "connect") clients.fail(fd);
    return encodeError(id, error);
  }
}

/** The frame of a pong: by far the most common one, and not worth a parse. */
export function isPong(text: Buffer, from: number, to: number): boolean {
  return to - from === EMPTY.length && text[from] === 0x7b && text[from + 1] === 0x7d;
}

function bad(): never {
  throw new DisconnectError(disconnects.BAD_REQUEST);
}
