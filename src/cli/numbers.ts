import { InvalidArgumentError } from "commander";

/** Reads a port from the command line. */
export const readPort = wholeNumber(0, 65_535);

/** Reads a size. */
export const readBytes = wholeNumber(1, 67_108_864);

/** Reads how many processes: "auto" is 0, one for each core. */
export function readWorkers(text: string): number {
  return text === "auto" ? 0 : readCount(text);
}

const readCount = wholeNumber(1, 1024);

/** A reader of whole numbers for the command line, which says what is allowed. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== "" && Number.isInteger(value) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`Allowed are whole numbers from ${least} to ${most}.`);
  };
}
