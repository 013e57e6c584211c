import { zlibCodec } from "belfry";
import { COMPRESSED, deflateDefaults, type MessageCodec, messageFrames } from "belfry/ws";

/** Counts what another codec is worth. */
class MeasuredCodec implements MessageCodec {
  readonly #codec: MessageCodec;
  plainBytes = 0;
  sentBytes = 0;

  constructor(codec: MessageCodec) {
    this.#codec = codec;
  }
  compress(bytes: Uint8Array, from: number, to: number): Uint8Array | undefined {
    const compressed = this.#codec.compress(bytes, from, to);
    this.plainBytes += to - from;
    this.sentBytes += compressed?.length ?? to - from; // undefined: the message goes as it is
    return compressed;
  }
  decompress(bytes: Uint8Array, from: number, to: number, bytesMax: number): Uint8Array {
    return this.#codec.decompress(bytes, from, to, bytesMax);
  }
}

const codec = new MeasuredCodec(zlibCodec(deflateDefaults, "server"));
for (const text of ["short", "long and longer ".repeat(100)]) {
  for (const frame of messageFrames(text, { server: true, codec })) {
    console.log(text.length, "bytes go", (frame[0] as number) & COMPRESSED ? "compressed" : "as they are");
  }
}
console.log("half is saved:", codec.sentBytes < codec.plainBytes / 2);
