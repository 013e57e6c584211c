import { name } from "./fields.ts";
import { method } from "./method.ts";
import { anything, object } from "./schema.ts";

/** `rpc`: a method of the application's. */
export const rpc = method({
  name: "rpc",
  scope: "manage",
  summary: "Calls a method that the application has registered for back ends.",
  request: object({ method: name("the method"), params: anything("what the method is given: any JSON") }),
  result: object({ data: anything("what the method gave; left out when it gave nothing") }),
  example: { request: { method: "stats", params: { day: 1 } }, result: { data: { sold: 7 } } },
  async run({ operations }, { method, params }) {
    return JSON.stringify({ data: await operations.rpc(method, params) });
  },
});
