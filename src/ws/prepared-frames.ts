import { closeCodes } from "./close.ts";
import { compileClose, compilePing, compilePong } from "./compile.ts";

/**
 * Ready-made frames of a server, for what is said often: a ping and a pong without payload, a close frame without a
 * code, and one without a reason for each code that a server sends. A client's frames are masked with a key that is
 * new each time, so there are none for it. The table is frozen, but a Uint8Array cannot be: the bytes are shared by
 * all of the process, so send them or copy them, and never write into them, transfer them or unmask them in place.
 */
export const preparedFrames = Object.freeze({
  ping: compilePing(),
  pong: compilePong(),
  close: compileClose(),
  closeNormal: compileClose(closeCodes.NORMAL),
  closeGoingAway: compileClose(closeCodes.GOING_AWAY),
  closeProtocolError: compileClose(closeCodes.PROTOCOL_ERROR),
  closeUnsupportedData: compileClose(closeCodes.UNSUPPORTED_DATA),
  closeInvalidPayload: compileClose(closeCodes.INVALID_PAYLOAD),
  closePolicyViolation: compileClose(closeCodes.POLICY_VIOLATION),
  closeMessageTooBig: compileClose(closeCodes.MESSAGE_TOO_BIG),
  closeInternalError: compileClose(closeCodes.INTERNAL_ERROR),
  closeServiceRestart: compileClose(closeCodes.SERVICE_RESTART),
  closeTryAgainLater: compileClose(closeCodes.TRY_AGAIN_LATER),
  closeBadGateway: compileClose(closeCodes.BAD_GATEWAY),
  closeSlow: compileClose(closeCodes.SLOW),
});
