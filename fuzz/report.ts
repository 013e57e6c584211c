import type { Find } from "./batch.ts";
import { literal } from "./literal.ts";
import type { Outcome } from "./run.ts";

/** The table at the end of a run. */
export function table(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map(({ property, cases, find, seconds }) => rowOf(property.name, cases, find ? 1 : 0, seconds));
  const sum = (count: (outcome: Outcome) => number) => outcomes.reduce((all, outcome) => all + count(outcome), 0);
  rows.push(
    rowOf(
      "all",
      sum(({ cases }) => cases),
      sum(({ find }) => (find ? 1 : 0)),
      sum(({ seconds }) => seconds),
    ),
  );
  const lines = [["property", "cases", "finds", "seconds", "cases/s"], ...rows];
  const widths = lines[0]?.map((_, column) => Math.max(...lines.map((line) => (line[column] as string).length))) ?? [];
  return lines.map((line) => line.map((cell, i) => pad(cell, widths[i] as number, i === 0)).join("  ")).join("\n");
}

function rowOf(name: string, cases: number, finds: number, seconds: number): string[] {
  const rate = seconds === 0 ? 0 : Math.round(cases / seconds);
  return [name, grouped(cases), String(finds), seconds.toFixed(1), grouped(rate)];
}

function pad(cell: string, width: number, left: boolean): string {
  return left ? cell.padEnd(width) : cell.padStart(width);
}

/** What is told of an error: its message and the top of its stack; the row says all of it again. */
const ERROR_LINES_MAX = 16;
const ERROR_LINE_CHARS_MAX = 500;

/** A find, as a row to paste into test/regression-fuzz.test.ts, and the command that makes it again. */
export function findText({ property, seed, path, input, error }: Find): string {
  return [
    `FIND  ${property.name}: this does not hold: ${property.proves}`,
    ...error.split("\n", ERROR_LINES_MAX).map((line) => `  | ${line.slice(0, ERROR_LINE_CHARS_MAX)}`),
    "  A row for test/regression-fuzz.test.ts:",
    `    [${JSON.stringify(property.name)}, "seed ${seed}, path ${path}", ${literal(input)}],`,
    "  Once more:",
    `    npm run fuzz -- --only ${property.name} --seed ${seed} --path ${path}`,
  ].join("\n");
}

/** A number with its thousands apart. */
export function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ",");
}
