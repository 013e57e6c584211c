import { BelfryError } from "../errors.ts";
import { loadBinding } from "./binding.ts";
import { NativeNetpoll } from "./native.ts";
import type { Netpoll } from "./netpoll.ts";
import { PortableNetpoll } from "./portable.ts";

/** Which driver to use: `auto` takes the addon and falls back to node:net where it cannot be loaded. */
export type DriverChoice = "auto" | "native" | "portable";

/** What a driver is opened with; the two sizes are the halves of its slab, in bytes. */
export interface DriverOptions {
  choice: DriverChoice;
  inputBytes: number;
  outputBytes: number;
  /** Called from the event loop when there is something to harvest. */
  ready: () => void;
  /** Told once, in one sentence, which driver runs and why. */
  says: (line: string) => void;
}

/** Opens the driver. Throws BELFRY_NO_ADDON when the native one was asked for by name and is not there. */
export function openDriver(options: DriverOptions): Netpoll {
  const { choice, inputBytes, outputBytes, ready, says } = options;
  const portable = (why: string) => {
    says(`netpoll: the portable driver over node:net runs, because ${why}`);
    return new PortableNetpoll(inputBytes, outputBytes, ready);
  };
  if (choice === "portable") return portable('the option driver is "portable"');
  try {
    const binding = loadBinding();
    says(`netpoll: the native driver runs, because the addon for ${process.platform}-${process.arch} is there`);
    return new NativeNetpoll(binding, inputBytes, outputBytes, ready);
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
    if (choice === "auto") return portable(`the addon could not be loaded (${reason})`);
    throw new BelfryError(
      "BELFRY_NO_ADDON",
      `option driver is "native", but the addon could not be loaded (${reason}); run \`npm rebuild belfry\`, or use "auto"`,
      { cause: error },
    );
  }
}
