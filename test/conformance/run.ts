import { after, before, describe, it, type TestContext } from "node:test";
import type { Case, Chop } from "./cases.ts";
import { type Door, noExtensions, openDoor, type Terms } from "./door.ts";
import { type EchoEndpoint, exceptionFor } from "./endpoint.ts";
import { judge } from "./judge.ts";
import { chopName, chopsOf, play } from "./play.ts";
import { type Section, sections } from "./sections.ts";

/** Connections open at a time; large messages are few at a time. */
const CONNECTIONS = 24;
const LARGE_CONNECTIONS = 2;

const NOT_APPLICABLE = "not applicable";

/** Runs only the cases whose number begins so: "5", "5.2", "5.2.1". */
const only = process.env["CONFORMANCE"] ?? "";

/** What did not go as it must, with a picture of it. */
export interface Failure {
  readonly name: string;
  readonly picture: string;
}

/** Registers the tests of an endpoint: one for each section. */
export function conform(endpoint: EchoEndpoint, list: readonly Section[] = sections): void {
  describe(`conformance: ${endpoint.name} as ${endpoint.role}`, () => {
    let door: Door;
    before(async () => {
      door = await openDoor(endpoint);
    });
    after(() => door.close());
    for (const { number, title, cases, large } of list) {
      const chosen = chosenOf(cases, endpoint);
      if (chosen.length === 0) continue;
      it(`conformance: ${number}, ${title}: ${chosen.length} cases`, async (t) => {
        const connections = large ? LARGE_CONNECTIONS : CONNECTIONS;
        await report(t, (await runCases(endpoint, door, noExtensions, chosen, connections)).failures);
      });
    }
  });
}

/** The cases for this kind of endpoint that were asked for. */
export function chosenOf(cases: readonly Case[], { role }: EchoEndpoint): Case[] {
  return cases.filter((one) => (one.role ?? role) === role && isChosen(one.section));
}

/** Whether a number was asked for. */
export function isChosen(section: string): boolean {
  return only === "" || `${section}.`.startsWith(`${only}.`);
}

/** Makes each failure a subtest of its own: what goes well is not listed. */
export async function report(t: TestContext, failures: readonly Failure[]): Promise<void> {
  for (const { name, picture } of failures) await t.test(name, () => fail(`${name}\n${picture}`));
}

/** Where in the suite a picture was found wrong tells nothing: the error has no stack. */
function fail(message: string): never {
  const error = new Error(message);
  error.stack = message;
  throw error;
}

/** Runs cases, each in all its ways of being chopped; `ran` are those that the agreement allowed to run. */
export async function runCases(
  endpoint: EchoEndpoint,
  door: Door,
  terms: Terms,
  cases: readonly Case[],
  connections: number = CONNECTIONS,
): Promise<{ failures: Failure[]; ran: Set<Case> }> {
  const pictures = new Map<Case, string[]>();
  const ran = new Set<Case>();
  const runs = cases.flatMap((one) => chopsOf(one).map((chop) => ({ one, chop }))).values();
  const work = async () => {
    for (const { one, chop } of runs) {
      const picture = await runCase(endpoint, door, terms, one, chop).catch((error: unknown) => `  ${error}`);
      if (picture === NOT_APPLICABLE) continue;
      ran.add(one);
      if (picture === undefined) continue;
      pictures.set(one, [...(pictures.get(one) ?? []), `  sent ${chopName(chop)}:`, picture]);
    }
  };
  await Promise.all(Array.from({ length: connections }, work));
  const failures = Array.from(pictures, ([one, lines]): Failure => {
    return { name: `${one.section} ${one.name}`, picture: [...lines, `  clause  ${one.clause}`].join("\n") };
  });
  return { failures, ran };
}

async function runCase(
  endpoint: EchoEndpoint,
  door: Door,
  terms: Terms,
  one: Case,
  chop: Chop,
): Promise<string | undefined> {
  const tester = await door.open(terms);
  const declined = terms !== noExtensions && !tester.deflate;
  if (declined || !applicable(one, tester.deflate?.agreement.own)) {
    await play(tester, [], { replies: [], end: "clean" }, "whole");
    return declined ? "    permessage-deflate was declined" : NOT_APPLICABLE;
  }
  const exception = exceptionFor(endpoint, one);
  const expect = exception?.expect?.(one) ?? one.expect;
  const steps = exception?.late ? [...one.send, ...(one.rest ?? [])] : one.send;
  const seen = await play(tester, steps, expect, chop);
  const compresses = tester.deflate !== undefined && endpoint.compressesAll === true;
  return judge(expect, seen, compresses);
}

function applicable({ needs }: Case, own: { takeover: boolean; windowBits: number } | undefined): boolean {
  if (needs === undefined) return true;
  if (needs === "own window 15") return own?.windowBits === 15 && own.takeover;
  return own?.takeover === (needs === "own takeover");
}
