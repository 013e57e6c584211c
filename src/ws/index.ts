export { BelfryError, HandshakeError, ProtocolError } from "../errors.ts";
export { ACCEPT_BYTES, KEY_BYTES, validKey, writeAccept } from "./accept-key.ts";
export { answerText, headerLines } from "./answer.ts";
export { ascii, equalsIgnoringCase } from "./characters.ts";
export { type CheckState, checkHeader } from "./check.ts";
export {
  type CloseStatus,
  closeCodes,
  closeReason,
  isLibraryCloseCode,
  isPrivateCloseCode,
  isProtocolCloseCode,
  readClose,
  readCloseCode,
  validCloseCode,
  writeClosePayload,
} from "./close.ts";
export { COMPRESSED, type MessageCodec } from "./codec.ts";
export {
  compileClose,
  compileFrame,
  compilePing,
  compilePong,
  compileText,
  type FrameOptions,
  type MaskOptions,
} from "./compile.ts";
export { CompiledMessage } from "./compiled-message.ts";
export { type ControlCallbacks, ControlHandler, type ControlOptions } from "./control.ts";
export { CookieCursor, cookie } from "./cookie.ts";
export {
  acceptDeflate,
  type DeflateAgreement,
  type DeflateAnswer,
  deflateDefaults,
  deflateOffer,
  readDeflateAnswer,
} from "./deflate.ts";
export { type DialRequest, dialUrl, makeKey, writeDialRequest } from "./dial.ts";
export { checkDialResponse, type DialAgreement, type DialExpectation } from "./dial-response.ts";
export {
  CONTROL_PAYLOAD_BYTES_MAX,
  Frame,
  FrameHeader,
  HEADER_BYTES_MAX,
  isControl,
  isData,
  isReserved,
  opcodes,
} from "./frame.ts";
export { ListCursor, listHolds, listTokens, unquote } from "./head-list.ts";
export { findHeadEnd, HttpHead } from "./header-lines.ts";
export { RequestHead, readHead } from "./http-head.ts";
export { known } from "./known-headers.ts";
export { maskInPlace } from "./mask.ts";
export { randomKey } from "./masking-key.ts";
export { type Buffers, checkSize, inflate, MessageReader, type MessageRules } from "./message.ts";
export { type MessageFramesOptions, messageFrames } from "./message-frames.ts";
export { Message, type MessageOptions, messages, readMessages } from "./messages.ts";
export type { NegotiationOptions } from "./negotiation.ts";
export { preparedFrames } from "./prepared-frames.ts";
export { readFrame, unmaskFrameInPlace } from "./read-frame.ts";
export { readHeader } from "./read-header.ts";
export { ResponseHead, readResponseHead } from "./response-head.ts";
export { type WebSocketStream, webSocketStream } from "./stream.ts";
export type { ByteStreams, WebSocketStreamOptions } from "./stream-session.ts";
export {
  ANSWER_BYTES,
  asksForWebSocket,
  checkUpgrade,
  UpgradeRequest,
  writeAnswer,
} from "./upgrade.ts";
export {
  type FinalVerdict,
  type Refusal,
  type SettledUpgrade,
  UpgradeResult,
  Upgrader,
  type UpgraderOptions,
  type Verdict,
} from "./upgrader.ts";
export { checkUtf8, UTF8_BROKEN, UTF8_START, type Utf8State, validUtf8 } from "./utf8.ts";
export { writeFrame } from "./write-frame.ts";
export { FIN, headerSize, writeHeader, writeMaskedHeader } from "./write-header.ts";
