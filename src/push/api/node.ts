import { limits } from "../../limits.ts";
import { ReplyError, replyErrors } from "../protocol.ts";
import { count, said, text } from "./fields.ts";
import { method } from "./method.ts";
import { leftOut, list, map, object, orElse } from "./schema.ts";

/** `channels`: which channels have subscribers. */
export const channels = method({
  name: "channels",
  scope: "read",
  summary: "Lists the channels that have subscribers, with their number.",
  request: object({ pattern: orElse(text("a glob (*, ?, [a-z], {a,b}) that names match, empty for all"), "") }),
  result: object({ channels: map("the channels", object({ num_clients: count("subscribers") })) }),
  example: { request: { pattern: "news:*" }, result: { channels: { "news:1": { num_clients: 3 } } } },
  async run({ operations }, { pattern }) {
    const found = await operations.channels(pattern);
    const { channelsReadMax } = limits;
    if (found.size > channelsReadMax) {
      const many = `${found.size} channels match, channelsReadMax is ${channelsReadMax}; give a narrower pattern`;
      throw new ReplyError(106, `${replyErrors[106]}: ${many}`);
    }
    const members = Array.from(found, ([name, clients]) => `${JSON.stringify(name)}:{"num_clients":${clients}}`);
    return `{"channels":{${members.join(",")}}}`;
  },
});

/** `info`: the nodes. */
export const info = method({
  name: "info",
  scope: "read",
  summary: "Tells of the nodes that are running.",
  request: object({}),
  result: object({
    nodes: list(
      "the nodes",
      object({
        uid: said("the node's id"),
        name: said("its name"),
        version: said("its version"),
        num_clients: count("clients"),
        num_users: count("different users of theirs"),
        num_subs: count("subscriptions"),
        num_channels: count("channels"),
        uptime: leftOut(count("seconds since it was started")),
      }),
    ),
  }),
  example: {
    request: {},
    result: {
      nodes: [
        {
          uid: "4f1c",
          name: "belfry-1",
          version: "0.1.0",
          num_clients: 3,
          num_users: 2,
          num_subs: 5,
          num_channels: 4,
          uptime: 3600,
        },
      ],
    },
  },
  async run({ operations }) {
    const nodes = await operations.info();
    const rows = nodes.map(({ uid, name, version, clients, users, subscriptions, channels, uptimeSeconds }) => ({
      uid,
      name,
      version,
      num_clients: clients,
      num_users: users,
      num_subs: subscriptions,
      num_channels: channels,
      ...(uptimeSeconds < 1 ? {} : { uptime: Math.floor(uptimeSeconds) }),
    }));
    return JSON.stringify({ nodes: rows });
  },
});
