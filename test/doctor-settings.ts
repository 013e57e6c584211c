import assert from "node:assert/strict";
import { type Report, sysctlSnippet, systemdSnippet } from "../src/doctor/index.ts";

/** What both snippets of a report set; a line that is no setting and no comment fails. */
export function settingsOf(report: Report): Map<string, string> {
  const lines = (sysctlSnippet(report) + systemdSnippet(report)).split("\n");
  const settings = new Map<string, string>();
  for (const line of lines.filter((text) => text !== "" && !text.startsWith("#") && text !== "[Service]")) {
    const [, key = "", value = ""] = /^([\w.-]+) ?= ?(\d+(?: \d+)*)$/.exec(line) ?? assert.fail(line);
    settings.set(key, value);
  }
  return settings;
}
