import type { TestContext } from "node:test";
import { type Broker, connectNats } from "../src/bus/index.ts";
import { limits } from "../src/limits.ts";
import { createPushServer, type PushOptions, type PushServer } from "../src/push/index.ts";
import { Recorder } from "./broker-recorder.ts";

/** Log lines, and who waits for one. */
export class Lines {
  readonly all: string[] = [];
  #wake = () => {};
  readonly info = (line: string) => this.#add(line);
  readonly warn = this.info;
  readonly error = this.info;

  /** Those that match. */
  matching(pattern: RegExp): string[] {
    return this.all.filter((line) => pattern.test(line));
  }

  /** Resolves when a line matches. */
  async until(pattern: RegExp): Promise<void> {
    while (this.matching(pattern).length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #add(line: string): void {
    this.all.push(line);
    this.#wake();
  }
}

/** A node, and what its end of the Bus hears; it is looked at behind the node. */
export interface FleetNode {
  readonly server: PushServer;
  readonly port: number;
  readonly broker: Broker;
  readonly heard: Recorder;
  readonly lines: Lines;
  /** How often it has asked the others. */
  asked(): number;
  /** Resolves when it knows of so many nodes, itself included. */
  knows(count: number): Promise<void>;
}

/** What a test says of its channels. */
const open = { presence: true, allowSubscribeForClient: true, allowSubscribeForAnonymous: true };
const asking = { allowPresenceForSubscriber: true, allowPresenceForClient: true, allowPresenceForAnonymous: true };
const kept = { ...open, historySize: 10, historySeconds: 60, forceRecovery: true };

/** A node on a Bus that is there already; it ends with the test. */
export async function nodeOn(
  t: TestContext,
  broker: Broker,
  options: PushOptions & { readonly lines?: Lines } = {},
): Promise<FleetNode> {
  const { lines = new Lines(), ...given } = options;
  let count = 0;
  const ask = broker.ask.bind(broker);
  broker.ask = (question, take) => {
    count++;
    return ask(question, take);
  };
  const channels = { withoutNamespace: { ...open, ...asking }, namespaces: { kept } };
  const server = createPushServer({ allowAnonymous: true, channels, broker, log: lines, ...given });
  const { port } = await server.listen({ host: "127.0.0.1" });
  // Not waited for: it waits for its clients, which are cut after it.
  t.after(() => void server.close());
  const heard = new Recorder();
  broker.listen(heard);
  const knows = (nodes: number) => heard.until(() => server.bus.nodes === nodes);
  return { server, port, broker, heard, lines, asked: () => count, knows };
}

/** A node with an end of its own of the Bus at a port of this host. */
export async function nodeAt(t: TestContext, port: number, options: PushOptions = {}): Promise<FleetNode> {
  const lines = new Lines();
  const broker = await connectNats({ url: `nats://127.0.0.1:${port}`, historyStorage: "memory", log: lines });
  t.after(() => broker.close());
  return await nodeOn(t, broker, { ...options, lines });
}

/** From now on answers are waited for: large ones take their time on a busy machine. Not beside other tests. */
export function patient(t: TestContext): void {
  const { surveyMsMax } = limits;
  Object.assign(limits, { surveyMsMax: 60_000 });
  t.after(() => Object.assign(limits, { surveyMsMax }));
}
