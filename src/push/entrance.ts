import type { UpgradeRequest } from "../ws/index.ts";
import { originAllowed } from "./origin.ts";

/** Where clients connect. */
export const WEBSOCKET_PATH = "/connection/websocket";

/** The headers of a request whose client is yet to say who it is. */
export class Visitor {
  readonly headers: ReadonlyMap<string, string>;
  constructor(headers: ReadonlyMap<string, string>) {
    this.headers = headers;
  }
}

/**
 * Decides on an upgrade: the path, the page's origin, and the form of the protocol; `keepsHeaders` if a hook wants
 * them.
 */
export function decideUpgrade(request: UpgradeRequest, allowedOrigins: readonly string[], keepsHeaders: boolean) {
  if (request.path !== WEBSOCKET_PATH) return { status: 404, reason: `clients connect to ${WEBSOCKET_PATH}` };
  if (!originAllowed(request.header("origin"), request.header("host"), allowedOrigins)) {
    return { status: 403, reason: "this origin is not allowed (option allowedOrigins)" };
  }
  const { protocols, query } = request;
  const isProtobuf = query.get("format") === "protobuf" || query.get("cf_protocol") === "protobuf";
  const data = keepsHeaders ? { data: new Visitor(request.headers) } : {};
  if (protocols.includes("centrifuge-json")) return { protocol: "centrifuge-json", ...data };
  if (protocols.includes("centrifuge-protobuf") || isProtobuf) {
    return { status: 400, reason: "only the JSON form of the protocol is spoken here" };
  }
  return data;
}
