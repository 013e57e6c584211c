import type { ClientInfo } from "../operations.ts";
import { channel, count, said } from "./fields.ts";
import { method } from "./method.ts";
import { anything, map, object } from "./schema.ts";

/** A client as the HTTP API tells of it. */
export const clientInfo = object({
  client: said("the client's id"),
  user: said("its user, empty without one"),
  conn_info: anything("what is told of the connection"),
  chan_info: anything("what is told of it in this channel"),
});

/** `presence`: who is in a channel. */
export const presence = method({
  name: "presence",
  scope: "read",
  summary: "Tells who is in a channel.",
  request: object({ channel }),
  result: object({ presence: map("the clients by their ids", clientInfo) }),
  example: {
    request: { channel: "chat:1" },
    result: { presence: { "9e5f1b1e": { client: "9e5f1b1e", user: "42", conn_info: { name: "Ann" } } } },
  },
  async run({ operations }, request) {
    const clients = await operations.presence(request.channel);
    const members = clients.map((info) => `${JSON.stringify(info.client)}:${clientInfoText(info)}`);
    return `{"presence":{${members.join(",")}}}`;
  },
});

/** `presence_stats`: how many are in a channel. */
export const presenceStats = method({
  name: "presence_stats",
  scope: "read",
  summary: "Counts who is in a channel.",
  request: object({ channel }),
  result: object({ num_clients: count("clients"), num_users: count("different users of theirs") }),
  example: { request: { channel: "chat:1" }, result: { num_clients: 3, num_users: 2 } },
  async run({ operations }, request) {
    const { clients, users } = await operations.presenceStats(request.channel);
    return JSON.stringify({ num_clients: clients, num_users: users });
  },
});

/** Unlike in the client protocol, the user stands there even if it is empty. */
function clientInfoText({ client, user, connInfo, chanInfo }: ClientInfo): string {
  const conn = connInfo === undefined ? "" : `,"conn_info":${connInfo}`;
  const chan = chanInfo === undefined ? "" : `,"chan_info":${chanInfo}`;
  return `{"client":${JSON.stringify(client)},"user":${JSON.stringify(user)}${conn}${chan}}`;
}
