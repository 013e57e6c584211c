import { limits } from "../../limits.ts";
import { nestsDeeper } from "./json-depth.ts";
import { jsonFault } from "./json-fault.ts";

const DEPTH_MAX = limits.apiJsonDepthMax;

/** Parses JSON; throws SyntaxError that says in words what is wrong, and where, without the text itself. */
export function parseJson(text: string): unknown {
  if (nestsDeeper(text, DEPTH_MAX)) throw new SyntaxError(`nests deeper than ${DEPTH_MAX} (apiJsonDepthMax)`);
  try {
    return JSON.parse(text);
  } catch {
    const at = jsonFault(text);
    if (text.trim() === "") throw new SyntaxError("is empty, and not JSON");
    if (at === text.length) throw new SyntaxError(`is not JSON: it ends too early, after character ${at}`);
    const token = JSON.stringify(String.fromCodePoint(text.codePointAt(at) ?? 0));
    throw new SyntaxError(`is not JSON: unexpected ${token} at character ${at + 1}`);
  }
}
