import type { Case, Expectation } from "./cases.ts";

/** What the suite needs to know of an endpoint, which sends every message back as it came, text or binary. */
export type EchoEndpoint = EchoServer | EchoClient;

interface Common {
  /** For the tests' names. */
  readonly name: string;
  /** Where the endpoint does otherwise than the suite demands, and why that is left to it. Belfry has none. */
  readonly exceptions?: Exceptions;
  /** Whether it compresses every message that it sends once permessage-deflate is agreed on. */
  readonly compressesAll?: boolean;
  /** Which well-formed permessage-deflate it is set up to agree on; all by default. */
  readonly takes?: (extensions: string) => boolean;
  /** Where it judges an offer (the status is its answer's) or an answer otherwise than the suite, and is left to. */
  readonly excuses?: (extensions: string, status: number) => boolean;
}

/** A server under test: the tester connects to it as a client. It takes messages of MESSAGE_BYTES_MAX. */
export interface EchoServer extends Common {
  readonly role: "server";
  /** Listens on 127.0.0.1. */
  start(): Promise<{ port: number; stop(): Promise<unknown> }>;
}

/** A client under test: the tester is the server that it connects to. */
export interface EchoClient extends Common {
  readonly role: "client";
  /** Makes one connection; what becomes of it is the tester's to see, so that errors are to be swallowed. */
  connect(url: string): void;
}

/** By the number of a case, or what it begins with: "6.4" stands for 6.4.1, 6.4.2 and so on. */
export type Exceptions = Readonly<Record<string, Exception>>;

/** What is accepted instead of what the case demands. */
export interface Exception {
  readonly why: string;
  readonly expect?: (one: Case) => Expectation;
  /** The endpoint judges messages only at their end: it is sent the rest as well. */
  readonly late?: true;
}

/** The exception for a case, if the endpoint has one. */
export function exceptionFor({ exceptions = {} }: EchoEndpoint, { section }: Case): Exception | undefined {
  return Object.entries(exceptions).find(([key]) => `${section}.`.startsWith(`${key}.`))?.[1];
}
