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
  const origin = request.header("origin");
  if (origin !== undefined && !originAllowed(origin, request.header("host"), allowedOrigins)) {
    return { status: 403, reason: "this origin is not allowed (option allowedOrigins)" };
  }
  const data = keepsHeaders ? { data: new Visitor(request.headers) } : undefined;
  const offered = request.header("sec-websocket-protocol");
  // The common request of a program or an SDK, which says nothing of forms.
  if (offered === undefined && request.url === WEBSOCKET_PATH) return data;
  const { protocols, query } = request;
  if (protocols.includes("centrifuge-json")) return { protocol: "centrifuge-json", ...data };
  const isProtobuf = query.get("format") === "protobuf" || query.get("cf_protocol") === "protobuf";
  if (protocols.includes("centrifuge-protobuf") || isProtobuf) {
    return { status: 400, reason: "only the JSON form of the protocol is spoken here" };
  }
  return data;
}
