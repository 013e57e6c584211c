export type { Connection } from "./connection/connection.ts";
export type { Acceptance, Rejection, UpgradeDecision } from "./connection/handshake.ts";
export type { Packet } from "./connection/packet.ts";
export { BelfryError, type ErrorCode, errorCodes, HandshakeError, ProtocolError, SystemError } from "./errors.ts";
export { limits } from "./limits.ts";
export type { Log } from "./log.ts";
export {
  createServer,
  type Handlers,
  type ListeningAddress,
  type ListenOptions,
  type Server,
  type ServerOptions,
  type ServerWire,
} from "./server.ts";
export type { UpgradeRequest } from "./ws/index.ts";
export { closeCodes } from "./ws/index.ts";
