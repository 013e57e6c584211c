export { HandshakeError, ProtocolError } from "../errors.ts";
export { ACCEPT_BYTES, KEY_BYTES, validKey, writeAccept } from "./accept-key.ts";
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
export type { MessageCodec } from "./codec.ts";
export {
  compileClose,
  compileFrame,
  compilePing,
  compilePong,
  compileText,
  type FrameOptions,
  type MaskOptions,
} from "./compile.ts";
export { type ControlCallbacks, ControlHandler, type ControlOptions } from "./control.ts";
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
export { ascii, equalsIgnoringCase, findHeadEnd, known, listHolds, RequestHead, readHead } from "./http-head.ts";
export { maskInPlace } from "./mask.ts";
export { randomKey } from "./masking-key.ts";
export { type Buffers, checkSize, MessageReader, type MessageRules } from "./message.ts";
export { type MessageFramesOptions, messageFrames } from "./message-frames.ts";
export { Message, type MessageOptions, messages, readMessages } from "./messages.ts";
export { preparedFrames } from "./prepared-frames.ts";
export { readFrame, unmaskFrameInPlace } from "./read-frame.ts";
export { readHeader } from "./read-header.ts";
export { type WebSocketStream, webSocketStream } from "./stream.ts";
export type { ByteStreams, WebSocketStreamOptions } from "./stream-session.ts";
export {
  ANSWER_BYTES,
  asksForWebSocket,
  checkUpgrade,
  headerLines,
  UpgradeRequest,
  writeAnswer,
} from "./upgrade.ts";
export { checkUtf8, UTF8_BROKEN, UTF8_START, type Utf8State, validUtf8 } from "./utf8.ts";
export { writeFrame } from "./write-frame.ts";
export { FIN, headerSize, writeHeader, writeMaskedHeader } from "./write-header.ts";
