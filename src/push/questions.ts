import type { ClientInfo, ConnectionInfo, NodeInfo } from "./operations.ts";
import type { RevocationRow } from "./revocations.ts";

/** What nodes ask one another, and what one answers for itself: JSON on the way, so that nothing is undefined in it. */
export interface Questions {
  /** Who is in a channel. */
  presence(question: { readonly channel: string }): readonly ClientInfo[];
  /** How many are, and who they are, each once; the anonymous one too. */
  presenceStats(question: { readonly channel: string }): {
    readonly clients: number;
    readonly users: readonly string[];
  };
  /** The channels whose names match, with the number of their subscribers; if they are more than `max`, how many. */
  channels(question: {
    readonly pattern: string;
    readonly max: number;
  }): readonly (readonly [string, number])[] | number;
  info(question: object): NodeInfo;
  connections(question: { readonly user?: string; readonly limit: number }): readonly ConnectionInfo[];
  /** One part of what is revoked; undefined as long as a node has not asked the others itself. */
  revocations(question: { readonly part?: number }): readonly RevocationRow[] | undefined;
}

/** The name of a question. */
export type QuestionKind = keyof Questions;

const kinds: Readonly<Record<QuestionKind, true>> = {
  presence: true,
  presenceStats: true,
  channels: true,
  info: true,
  connections: true,
  revocations: true,
};

/** Whether it is the name of a question. */
export function isQuestionKind(text: unknown): text is QuestionKind {
  return typeof text === "string" && Object.hasOwn(kinds, text);
}

/** What belongs to it. */
export type Question<Kind extends QuestionKind> = Parameters<Questions[Kind]>[0];
/** One node's answer. */
export type Answer<Kind extends QuestionKind> = Exclude<ReturnType<Questions[Kind]>, undefined>;
