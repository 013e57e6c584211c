/** Compresses and decompresses the payloads of whole messages (RFC 7692, 7.2); what is negotiated decides how. */
export interface MessageCodec {
  /**
   * The compressed payload of a message, without the four bytes that 7.2.1 removes; undefined when it is to go as it
   * is.
   */
  compress(bytes: Uint8Array, from: number, to: number): Uint8Array | undefined;
  /**
   * The payload of a compressed message. Throws ProtocolError: 1009 when it grows beyond `bytesMax`, 1007 when it is no
   * DEFLATE data.
   */
  decompress(bytes: Uint8Array, from: number, to: number, bytesMax: number): Uint8Array;
}
