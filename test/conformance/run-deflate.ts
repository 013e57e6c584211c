import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Case, text } from "./cases.ts";
import { wrongAnswer } from "./deflate.ts";
import { type Door, noExtensions, openDoor, type Terms } from "./door.ts";
import type { EchoClient, EchoEndpoint, EchoServer } from "./endpoint.ts";
import { type Offer, offers, wrongAnswers } from "./negotiation.ts";
import { chosenOf, type Failure, isChosen, report, runCases } from "./run.ts";
import { section12data } from "./section-12.ts";
import { section12rules } from "./section-12-rules.ts";
import { allTerms, frugalTerms, section13, usualTerms } from "./section-13.ts";

/** What is played under which terms. */
interface Part {
  readonly title: string;
  readonly cases: readonly Case[];
  readonly terms: readonly Terms[];
}

const messages: readonly Part[] = [
  { title: "12, compressed messages, data", cases: section12data, terms: [usualTerms] },
  { title: "12, compressed messages, rules", cases: section12rules, terms: [usualTerms, frugalTerms] },
];
const parameters: Part = { title: "13, parameters", cases: section13, terms: allTerms };

/**
 * Registers the tests of an endpoint that has permessage-deflate (RFC 7692), beyond those of `conform`: all of them, or
 * those of the parameters alone, for an endpoint of which another was run with other settings.
 */
export function conformDeflate(endpoint: EchoEndpoint, which: "all" | "parameters" = "all"): void {
  describe(`conformance: permessage-deflate: ${endpoint.name} as ${endpoint.role}`, () => {
    let door: Door;
    before(async () => {
      door = await openDoor(endpoint);
    });
    after(() => door.close());
    for (const { title, cases, terms } of which === "all" ? [...messages, parameters] : [parameters]) {
      const chosen = chosenOf(cases, endpoint);
      const taken = terms.filter(({ offers }) => takes(endpoint, offers));
      if (chosen.length === 0) continue;
      it(`conformance: ${title}: ${chosen.length} cases under ${taken.length} agreements`, async (t) => {
        const played = new Set<Case>();
        for (const agreed of taken) {
          const { failures, ran } = await runCases(endpoint, door, agreed, chosen);
          for (const one of ran) played.add(one);
          await report(
            t,
            failures.map((failure) => under(agreed, failure)),
          );
        }
        const unplayed = chosen.filter((one) => one.needs === undefined && !played.has(one));
        assert.deepEqual(unplayed, [], "no agreement was made to play these under");
      });
    }
    if (!isChosen("13.4")) return;
    if (endpoint.role === "server") itJudgesOffers(endpoint, () => door);
    else itFailsAtAnswers(endpoint, () => door);
  });
}

function takes({ takes }: EchoEndpoint, lines: readonly string[]): boolean {
  return takes?.(lines.join()) ?? true;
}

function under({ offers }: Terms, { name, picture }: Failure): Failure {
  return { name: `${name}, under ${offers.join()}`, picture };
}

function itJudgesOffers(endpoint: EchoServer, door: () => Door): void {
  it(`conformance: 13.4, negotiation: ${offers.length} offers`, async (t) => {
    for (const { lines, outcome } of offers) {
      if (outcome === "taken" && !takes(endpoint, lines)) continue;
      const { first, headers, socket } = await door().knock({ ...noExtensions, offers: lines });
      socket.destroy();
      const status = Number(first.split(" ")[1]);
      const wrong = wrongOutcome(lines.join(), outcome, status, headers.get("sec-websocket-extensions"));
      if (!wrong || endpoint.excuses?.(lines.join(), status)) continue;
      await report(t, [negotiation(`the offer ${lines.join(" and the line ")} is ${outcome}`, wrong)]);
    }
  });
}

function wrongOutcome(
  offer: string,
  outcome: Offer["outcome"],
  status: number,
  answer: string | undefined,
): string | undefined {
  if (outcome === "refused" && answer === undefined) return undefined;
  if (status !== 101) return `the status is ${status}`;
  if (outcome === "taken") return answer === undefined ? "it is declined" : wrongAnswer(offer, answer);
  return answer && `the answer is ${answer}`;
}

/** A client that is given what it did not ask for fails the connection; a message behind the answer is not echoed. */
function itFailsAtAnswers(endpoint: EchoClient, door: () => Door): void {
  it(`conformance: 13.4, negotiation: ${wrongAnswers.length} answers that no offer allows`, async (t) => {
    for (const answer of wrongAnswers) {
      const tester = await door().open({ ...noExtensions, answer: () => answer });
      await tester.write(tester.encode(text("Hello")));
      await tester.finish(() => tester.seen.replies.length > 0);
      const { end, replies } = tester.seen;
      const wrong = replies.length > 0 ? "a message was echoed" : end === "silence" ? "nothing happened" : undefined;
      if (!wrong || endpoint.excuses?.(answer, 101)) continue;
      await report(t, [negotiation(`the answer ${answer} fails the connection`, wrong)]);
    }
  });
}

function negotiation(what: string, wrong: string): Failure {
  return { name: `13.4 ${what}`, picture: `    ${wrong}\n  clause  RFC 7692 5 and 7.1, RFC 6455 9.1` };
}
