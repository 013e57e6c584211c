/** One call of the generator fills this many: 4 KiB, far below the 64 KiB that `getRandomValues` gives at most. */
const KEYS_PER_BLOCK = 1024;

const block = new Int32Array(KEYS_PER_BLOCK);
let used = KEYS_PER_BLOCK;

/**
 * A masking key for one frame of a client, in the form of `FrameHeader.maskKey`. Each frame needs a fresh one that
 * nobody can foresee (RFC 6455, 5.3 and 10.3): whoever knows the key before, a script that chooses the payload say,
 * also chooses the bytes on the wire, and can make them look like an HTTP request or answer to a proxy that does not
 * know WebSocket, and poison its cache. So keys come from the platform's cryptographic generator, never from
 * `Math.random`; in blocks, because a call for four bytes costs about as much as one for four thousand.
 */
export function randomKey(): number {
  if (used === KEYS_PER_BLOCK) {
    crypto.getRandomValues(block);
    used = 0;
  }
  return block[used++] as number;
}
