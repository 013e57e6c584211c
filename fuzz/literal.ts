/** An input as TypeScript: bytes as `hex("…")`, all else as JSON has it, in ASCII. */
export function literal(value: unknown): string {
  if (value instanceof Uint8Array) return `hex("${Buffer.from(value).toString("hex")}")`;
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    const parts = Object.entries(value).map(([name, part]) => `${name}: ${literal(part)}`);
    return `{ ${parts.join(", ")} }`;
  }
  if (typeof value === "string") return inAscii(JSON.stringify(value));
  return Object.is(value, -0) ? "-0" : String(value);
}

function inAscii(text: string): string {
  return text.replace(/[\x7f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
