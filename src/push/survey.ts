import type { Broker } from "../bus/index.ts";
import { BelfryError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { Maybe } from "./chain.ts";
import type { Nodes } from "./nodes.ts";
import { parsedObject } from "./parsed-object.ts";
import { ReplyError, replyErrors } from "./protocol.ts";
import { type Answer, isQuestionKind, type Question, type QuestionKind, type Questions } from "./questions.ts";

/** What {@link Survey} needs of the other parts. */
export interface SurveyParts {
  readonly broker: Pick<Broker, "ask">;
  readonly nodes: Nodes;
  /** What this node answers. */
  readonly own: Questions;
  readonly log: Log;
}

/** A question on its way: `from` is the node that asks, and knows its own answer. */
interface Asked {
  readonly from: string;
  readonly kind: string;
  readonly question: unknown;
}

/** An answer on its way; null from who is there and does not know. */
interface Answered {
  readonly node: string;
  readonly answer: unknown;
}

/** Asks all nodes, and answers them. Nothing is kept in common, so nothing can be out of date. */
export class Survey {
  readonly #parts: SurveyParts;

  constructor(parts: SurveyParts) {
    this.#parts = parts;
  }

  /**
   * The answers of this node and of all others that are there; at once if there are none, or within this process. Of
   * a node that does not answer within surveyMsMax only the log tells. Rejects with 106 when an answer is too large.
   */
  ask<Kind extends QuestionKind>(kind: Kind, question: Question<Kind>): Maybe<Answer<Kind>[]> {
    const { nodes } = this.#parts;
    const own = this.#own(kind, question);
    const all = own === undefined ? [] : [own];
    if (nodes.awaited().length === 0) return all;
    const others = this.askOthers(kind, question, 0);
    return others instanceof Promise ? others.then((them) => [...all, ...them]) : [...all, ...others];
  }

  /** The answers of the others, at least `countMin` of them: who knows of nobody yet waits for one. */
  askOthers<Kind extends QuestionKind>(kind: Kind, question: Question<Kind>, countMin: number): Maybe<Answer<Kind>[]> {
    const { broker, nodes, log } = this.#parts;
    const heard = new Set<string>();
    const answers: Answer<Kind>[] = [];
    // Who comes from now on has not heard the question; who goes does not answer it.
    const known = new Set(nodes.awaited());
    const missing = () => nodes.awaited().filter((uid) => known.has(uid) && !heard.has(uid));
    const take = (text: string) => {
      const answered = parsedObject(text) as Partial<Answered> | undefined;
      if (typeof answered?.node !== "string") return false;
      if (answered.answer !== null) answers.push(answered.answer as Answer<Kind>);
      heard.add(answered.node);
      nodes.answered(answered.node);
      return answers.length >= countMin && missing().length === 0;
    };
    const result = () => {
      for (const uid of missing()) nodes.unanswered(uid);
      return answers;
    };
    const asked: Asked = { from: nodes.uid, kind, question };
    return (
      broker.ask(JSON.stringify(asked), take)?.then(result, (error: unknown) => {
        if (error instanceof BelfryError && error.code === "BELFRY_LIMIT") {
          throw new ReplyError(106, `${replyErrors[106]}: ${error.message}`);
        }
        log.warn(`the other nodes could not be asked: ${error instanceof Error ? error.message : error}`);
        return answers;
      }) ?? result()
    );
  }

  /** This node's answer to another's question; undefined when there is none. Does not throw. */
  asked(text: string): string | undefined {
    const { nodes, log } = this.#parts;
    const asked = parsedObject(text) as Partial<Asked> | undefined;
    if (!asked || asked.from === nodes.uid) return undefined;
    try {
      // A newer node that asks what this one does not know need not wait for it.
      const { kind } = asked;
      const answer = isQuestionKind(kind) ? this.#own(kind, asked.question as Question<QuestionKind>) : undefined;
      return JSON.stringify({ node: nodes.uid, answer: answer ?? null } satisfies Answered);
    } catch (error) {
      log.warn(
        `a question of node ${asked.from} cannot be answered: ${error instanceof Error ? error.message : error}`,
      );
      return undefined;
    }
  }

  #own<Kind extends QuestionKind>(kind: Kind, question: Question<Kind>): Answer<Kind> | undefined {
    const { own } = this.#parts;
    const answer = own[kind] as (question: Question<Kind>) => Answer<Kind> | undefined;
    return answer.call(own, question);
  }
}
