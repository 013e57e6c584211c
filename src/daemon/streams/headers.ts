/** Headers of NATS messages: `NATS/1.0`, then lines as in HTTP, then an empty one. */

const BEGIN = "NATS/1.0";

/** The value of a header, undefined when it is not there; names are compared as they are written, as NATS does. */
export function headerOf(block: string, name: string): string | undefined {
  const begin = `\r\n${name}:`;
  const at = block.indexOf(begin);
  if (at < 0) return undefined;
  const from = at + begin.length;
  return block.slice(from, block.indexOf("\r\n", from)).trim();
}

/** A block with these headers, behind those of another block. */
export function withHeaders(block: string, headers: Readonly<Record<string, string | number>>): string {
  const begin = block === "" ? `${BEGIN}\r\n` : block.slice(0, -2);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${begin}${lines.join("")}\r\n`;
}

/** A block that says only how a request went. */
export function status(code: number, text: string): string {
  return `${BEGIN} ${code} ${text}\r\n\r\n`;
}
