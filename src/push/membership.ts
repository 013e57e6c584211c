import type { BrokerListener } from "../bus/index.ts";
import { Answers, type AnswersParts } from "./answers.ts";
import type { BusStatus } from "./bus-health.ts";
import { Control, type ControlParts } from "./control.ts";
import { Nodes } from "./nodes.ts";
import { Positions } from "./positions.ts";
import { Survey } from "./survey.ts";

/** What {@link Membership} needs of the other parts. */
export interface MembershipParts extends Omit<AnswersParts, "name">, Omit<ControlParts, "nodes" | "survey"> {}

/** What a node hears of the others; each does not throw. */
export type Hearing = Required<Pick<BrokerListener, "control" | "asked" | "back">>;

/** This process as one of the nodes on a Bus: it is there, tells, asks and answers, until it leaves. */
export class Membership {
  readonly survey: Survey;
  readonly control: Control;
  readonly #parts: MembershipParts;
  readonly #nodes: Nodes;
  #positions: Positions | undefined;
  #unlisten = () => {};

  constructor(parts: MembershipParts) {
    this.#parts = parts;
    const { broker, log, node: uid } = parts;
    this.#nodes = new Nodes({ uid, tell: (word) => broker.control(JSON.stringify(word)), log });
    const nodes = this.#nodes;
    this.survey = new Survey({ broker, nodes, own: new Answers({ ...parts, name: "belfry" }), log });
    this.control = new Control({ ...parts, nodes, survey: this.survey });
  }

  /** How the Bus is, and how many nodes are there. */
  get bus(): BusStatus {
    return this.#nodes.bus;
  }

  /** What the Bus is to be listened to with, besides publications. */
  get hearing(): Hearing {
    return {
      control: (message) => this.control.take(message),
      asked: (question) => this.survey.asked(question),
      back: () => void this.control.learn(),
    };
  }

  /** Becomes one of the nodes; resolves when it knows what it has to know before the first client comes. */
  async join(listener: BrokerListener): Promise<void> {
    if (this.#positions) return;
    const { broker, hub } = this.#parts;
    this.#unlisten = broker.listen(listener);
    this.#nodes.start();
    this.#positions = new Positions({ hub, broker, deliver: (publication) => listener.publication(publication) });
    this.#positions.start();
    await this.control.learn();
  }

  /** Is none of them any more, and hears nothing. */
  leave(): void {
    this.#unlisten();
    this.#nodes.stop();
    this.#positions?.stop();
    this.#positions = undefined;
  }
}
