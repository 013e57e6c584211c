export { HandshakeError, ProtocolError } from "../errors.ts";
export { ACCEPT_BYTES, KEY_BYTES, validKey, writeAccept } from "./accept-key.ts";
export { answerText, headerLines } from "./answer.ts";
export { ascii, equalsIgnoringCase } from "./characters.ts";
export { type CheckState, checkHeader } from "./check.ts";
export { closeCodes, readCloseCode, validCloseCode } from "./close.ts";
export { COMPRESSED, type MessageCodec } from "./codec.ts";
export { CompiledMessage } from "./compiled-message.ts";
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
export { CONTROL_PAYLOAD_BYTES_MAX, FrameHeader, HEADER_BYTES_MAX, isControl, opcodes } from "./frame.ts";
export { ListCursor, listHolds, listTokens, unquote } from "./head-list.ts";
export { findHeadEnd, HttpHead } from "./header-lines.ts";
export { RequestHead, readHead } from "./http-head.ts";
export { known } from "./known-headers.ts";
export { maskInPlace } from "./mask.ts";
export { type Buffers, checkSize, inflate, MessageReader, type MessageRules } from "./message.ts";
export type { NegotiationOptions } from "./negotiation.ts";
export { readHeader } from "./read-header.ts";
export { ResponseHead, readResponseHead } from "./response-head.ts";
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
export { compileFrame, FIN, headerSize, writeHeader } from "./write-header.ts";
