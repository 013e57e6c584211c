import { FIN, Frame, opcodes, randomKey, readFrame, unmaskFrameInPlace, writeFrame } from "belfry/ws";

// A client's two frames in one array, as a socket would bring them.
const bytes = new Uint8Array(64);
const hello = new TextEncoder().encode("hello");
let end = writeFrame(bytes, 0, FIN | opcodes.TEXT, hello, randomKey());
end += writeFrame(bytes, end, FIN | opcodes.PING, hello.subarray(0, 2), randomKey());

// One Frame serves for all; the payload is unmasked where it lies.
const frame = new Frame();
for (let at = 0, size = 0; at < end; at += size) {
  size = readFrame(bytes, at, end, frame);
  if (size === 0) break; // the rest of the frame is still to come
  unmaskFrameInPlace(bytes, frame);
  const text = new TextDecoder().decode(bytes.subarray(frame.payloadFrom, frame.payloadTo));
  console.log(`opcode ${frame.opcode}, ${size} bytes: ${text}`);
}
