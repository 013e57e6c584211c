/** The address in "ADDRESS PORT", the form of {@link Binding.peer} and `local`; "" for what is none. */
export function addressPart(name: string | number): string {
  return typeof name === "string" ? name.slice(0, name.lastIndexOf(" ")) : "";
}

/** The port in it; 0 for what has none. */
export function portPart(name: string | number): number {
  return typeof name === "string" ? Number(name.slice(name.lastIndexOf(" ") + 1)) : 0;
}
