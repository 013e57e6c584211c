import { checkHeader, compileText, FrameHeader, maskInPlace, ProtocolError, randomKey, readHeader } from "belfry/ws";

const header = new FrameHeader();
const rules = { server: true, rsvAllowed: 0 };

// A payload larger than memory should hold: the header comes first, and is judged before a byte of it is kept.
const frame = compileText("unmasked as it comes", { key: randomKey() });
const size = readHeader(frame, 0, frame.length, header);
checkHeader(header, rules, false);
for (let at = 0; at < header.length; at += 8) {
  const piece = frame.subarray(size + at, size + Math.min(at + 8, header.length));
  maskInPlace(piece, 0, piece.length, header.maskKey, at); // the key goes on where it was
  console.log(new TextDecoder().decode(piece));
}

// What breaks a rule throws, with the close code that the peer must be told.
readHeader(compileText("not masked"), 0, 12, header);
try {
  checkHeader(header, rules, false);
} catch (error) {
  if (error instanceof ProtocolError) console.log(error.closeCode, error.message);
}
