import { asked, type Command, hookClient, jsonText } from "../command.ts";
import { ReplyError, stringField, valueField } from "../protocol.ts";

/** Calls a method of the application (PROTOCOL.md, "rpc"); 104 when it has none. */
export const rpc: Command = async (parts, fd, fields) => {
  const { hooks } = parts;
  if (!hooks.rpc) throw new ReplyError(104);
  const method = stringField(fields, "method");
  const { data } = await asked(hooks.rpc({ ...hookClient(parts, fd), method, data: valueField(fields, "data") }));
  const text = jsonText(data);
  return { result: text === undefined ? "{}" : `{"data":${text}}` };
};
