const encoder = new TextEncoder();
/** A byte order mark is part of a message (the platform's WebSocket keeps it too), so it is not removed. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** The UTF-8 of a text; half a surrogate pair becomes U+FFFD, as no UTF-8 can hold it. */
export function encodeText(text: string): Uint8Array {
  return encoder.encode(text);
}

/** The text of bytes that are known to be UTF-8; what is not becomes U+FFFD. */
export function decodeText(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}
