import { setFlagsFromString } from "node:v8";

/**
 * Leaves the young generation of the heap as large as it is. V8 doubles it, up to 16 MB, twice, when much survives: a
 * burst of new connections would touch all of it once, and memory that was touched is not given back.
 */
export function keepYoungGeneration(): void {
  setFlagsFromString("--semi-space-growth-factor=1");
}
