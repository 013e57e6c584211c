import { type Fields, isObject, ReplyError } from "../protocol.ts";
import { checked } from "./bad-request.ts";
import type { Endpoint } from "./endpoint.ts";
import { name } from "./fields.ts";
import type { ApiMethod } from "./method.ts";
import { methods } from "./methods.ts";
import { anything, object, orElse, value } from "./schema.ts";

const request = object({
  method: name("a method's name"),
  params: orElse(
    value<Fields>("what the method is given", { allowed: "an object", json: { type: "object" }, is: isObject }),
    {},
  ),
});

/** The one path that older clients know: `POST /api` with the method's name in the body. */
export const legacy: Endpoint = {
  path: "/api",
  summary: "Calls the method that the body names. For older clients: new ones call the method's own path.",
  needs: "the scope of the method",
  request,
  answer: object({ result: anything("the method's result") }),
  example: {
    request: { method: "publish", params: { channel: "news:1", data: 1 } },
    result: { result: { offset: 12, epoch: "a1b2c3d4" } },
  },
  calls: (body) => methodsNamed(checked(request, body).method),
  async answerTo(parts, body) {
    const { method, params } = checked(request, body);
    const [called] = methodsNamed(method);
    if (!called) throw new ReplyError(104);
    return `{"result":${await called.call(parts, params)}}`;
  },
};

function methodsNamed(called: string): ApiMethod[] {
  return methods.filter(({ name }) => name === called);
}
