import { limits } from "../../limits.ts";
import { type Fields, isObject, ReplyError } from "../protocol.ts";
import { checked } from "./bad-request.ts";
import type { Endpoint } from "./endpoint.ts";
import { errorSchema } from "./error-mode.ts";
import { flag } from "./fields.ts";
import { type ApiMethod, type CallParts, errorText, faultOf } from "./method.ts";
import { methods } from "./methods.ts";
import { eachOf, jsonSchemaOf, leftOut, list, object, value } from "./schema.ts";

const { batchCommandsMax } = limits;

const commandJson = {
  type: "object",
  properties: Object.fromEntries(methods.map(({ name, request }) => [name, jsonSchemaOf(request)])),
};

const request = object({
  commands: eachOf(
    value<readonly Fields[]>("the commands", {
      allowed: `a list of at most ${batchCommandsMax} commands (batchCommandsMax; send several batches)`,
      json: { type: "array", items: commandJson, maxItems: batchCommandsMax },
      is: (came) => Array.isArray(came) && came.length <= batchCommandsMax,
    }),
    { allowed: 'an object such as {"publish": {…}}', is: isObject },
  ),
  parallel: flag("whether a command may begin before the one before it is done"),
});

const reply = object({
  error: leftOut(errorSchema),
  ...Object.fromEntries(methods.map(({ name, result }) => [name, leftOut(result)])),
});

/**
 * `batch`: many commands in one request. The replies have their order, and stand at the top of the answer, without a
 * `result` around them, as in Centrifugo. A command that fails does not stop the others.
 */
export const batch: Endpoint = {
  path: "/api/batch",
  summary: "Carries out many commands, one after the other or in parallel.",
  needs: "the scopes of all commands",
  request,
  answer: object({ replies: list("the replies, in the order of the commands", reply) }),
  example: {
    request: { commands: [{ publish: { channel: "news:1", data: 1 } }, { presence_stats: { channel: "news:1" } }] },
    result: {
      replies: [{ publish: { offset: 13, epoch: "a1b2c3d4" } }, { error: { code: 108, message: "not available" } }],
    },
  },
  calls: (body) => checked(request, body).commands.flatMap((command) => methodOf(command) ?? []),
  async answerTo(parts, body) {
    const { commands, parallel } = checked(request, body);
    const replies: string[] = [];
    if (parallel) replies.push(...(await Promise.all(commands.map((command) => replyTo(parts, command)))));
    else for (const command of commands) replies.push(await replyTo(parts, command));
    return `{"replies":[${replies.join(",")}]}`;
  },
};

/** The first method that a command holds: it should hold one. */
function methodOf(command: Fields): ApiMethod | undefined {
  return methods.find(({ name }) => Object.hasOwn(command, name));
}

async function replyTo(parts: CallParts, command: Fields): Promise<string> {
  try {
    const method = methodOf(command);
    if (!method) throw new ReplyError(104);
    return `{"${method.name}":${await method.call(parts, command[method.name])}}`;
  } catch (error) {
    return `{"error":${errorText(faultOf(parts.log, error))}}`;
  }
}
