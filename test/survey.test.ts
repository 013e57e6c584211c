import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { connect } from "@nats-io/transport-node";
import { type Broker, type BrokerListener, connectNats, MemoryBroker } from "../src/bus/index.ts";
import { limits } from "../src/limits.ts";
import { natsServers, type StartNats } from "./broker-places.ts";
import { belfryKinds, natsKind } from "./bus-servers.ts";
import { Lines, patient } from "./node-fleet.ts";

const { surveyAnswerBytesMax, surveyMsMax } = limits;

/** Answers what it is told to, and hears nothing else. */
function answering(asked: (question: string) => string | undefined): BrokerListener {
  return { publication() {}, event() {}, control() {}, missed() {}, asked };
}

/** The answers, in any order; `enough` of them end the question. */
async function answersOf(broker: Broker, question: string, enough: number): Promise<string[]> {
  const answers: string[] = [];
  await broker.ask(question, (answer) => answers.push(answer) >= enough);
  return answers.sort();
}

async function end(t: TestContext, port: number): Promise<Broker> {
  const broker = await connectNats({ url: `nats://127.0.0.1:${port}`, historyStorage: "memory" });
  t.after(() => broker.close());
  return broker;
}

/** Brokers that all answer with what they are asked and their number, and are known to the server to listen. */
async function ends(t: TestContext, start: StartNats, count: number): Promise<Broker[]> {
  const place = await start();
  t.after(() => place.stop());
  const all: Broker[] = [];
  for (let i = 0; i < count; i++) {
    const broker = await end(t, place.port);
    broker.listen(answering((question) => `${question} ${i}`));
    await broker.control('"it listens"');
    all.push(broker);
  }
  return all;
}

it("within a process all are asked at once, until there are enough answers", () => {
  const broker = new MemoryBroker();
  for (const name of ["1", "2", "3"]) broker.listen(answering((question) => `${question} ${name}`));
  broker.listen(answering(() => undefined));
  const answers: string[] = [];
  assert.equal(
    broker.ask("who?", (answer) => answers.push(answer) > 9),
    undefined,
  );
  assert.deepEqual(answers.splice(0), ["who? 1", "who? 2", "who? 3"]);
  broker.ask("who?", (answer) => answers.push(answer) === 2);
  assert.deepEqual(answers, ["who? 1", "who? 2"]);
});

for (const [name, start] of Object.entries(natsServers)) {
  describe(`questions to all, ${name}`, { concurrency: 4 }, () => {
    it("reach every end of the Bus, the asker's too, and many at once keep apart", async (t) => {
      const brokers = await ends(t, start, 3);
      const questions = brokers.flatMap((broker, i) =>
        Array.from({ length: 20 }, async (_, k) => {
          const question = `${i}/${k} ä€`;
          assert.deepEqual(await answersOf(broker, question, 3), [`${question} 0`, `${question} 1`, `${question} 2`]);
        }),
      );
      await Promise.all(questions);
    });

    it("are given up after surveyMsMax, with the answers that have come", async (t) => {
      const [broker] = (await ends(t, start, 2)) as [Broker];
      const began = performance.now();
      assert.deepEqual(await answersOf(broker, "who?", 3), ["who? 0", "who? 1"]);
      assert.ok(performance.now() - began >= surveyMsMax - 1);
    });

    it("of which nobody wants the answer are answered to nobody, and late or foreign answers are dropped", async (t) => {
      const place = await start();
      t.after(() => place.stop());
      const broker = await end(t, place.port);
      const other = await connect({ servers: `127.0.0.1:${place.port}` });
      t.after(() => other.close());
      const asked: (() => void)[] = [];
      other.subscribe("belfry.ask", {
        callback: (_, message) => {
          asked.push(() => {
            message.respond("late");
          });
        },
      });
      await other.flush();
      broker.listen(answering((question) => `own ${question}`));
      assert.deepEqual(await answersOf(broker, "1", 1), ["own 1"]);
      while (asked.length === 0) await other.flush();
      for (const respond of asked) respond();
      other.publish("belfry.ask", "no reply is wanted");
      await other.flush();
      assert.deepEqual(await answersOf(broker, "2", 1), ["own 2"]);
    });

    it("and all else are heard after a message that cannot be taken, and the log tells of that", async (t) => {
      const place = await start();
      t.after(() => place.stop());
      const lines = new Lines();
      const url = `nats://127.0.0.1:${place.port}`;
      const broker = await connectNats({ url, historyStorage: "memory", log: lines });
      t.after(() => broker.close());
      const fail = () => {
        throw new Error("a fault of the listener");
      };
      const unlisten = broker.listen({ publication: fail, event: fail, control: fail, missed: fail, asked: fail });
      broker.subscribe("a");
      await broker.control("to all");
      await broker.publish("a", "1");
      await broker.announce({ channel: "a", type: "join", info: "{}" });
      assert.deepEqual(await answersOf(broker, "who?", 1), []);
      assert.equal(lines.matching(/^what came over the Bus could not be taken: Error: a fault/).length, 4);
      unlisten();
      broker.listen(answering((question) => `own ${question}`));
      assert.deepEqual(await answersOf(broker, "who?", 1), ["own who?"]);
    });

    it("that are open when the broker closes end", async (t) => {
      const [broker] = (await ends(t, start, 1)) as [Broker];
      const answers = answersOf(broker, "who?", 2);
      await broker.close();
      assert.ok((await answers).length <= 1);
      await assert.rejects(answersOf(broker, "who?", 1));
    });
  });

  it(`an answer of surveyAnswerBytesMax comes whole, one byte more is an error that names it, ${name}`, async (t) => {
    const place = await start();
    t.after(() => place.stop());
    const [here, there] = [await end(t, place.port), await end(t, place.port)];
    const euros = "€".repeat(Math.floor(surveyAnswerBytesMax / 3));
    const largest = euros + "x".repeat(surveyAnswerBytesMax - Buffer.byteLength(euros));
    there.listen(answering((question) => (question === "fits" ? largest : `${largest}x`)));
    await there.control('"it listens"');
    patient(t);
    const [answer] = await answersOf(here, "fits", 1);
    assert.ok(answer === largest);
    await assert.rejects(answersOf(here, "does not", 1), {
      code: "BELFRY_LIMIT",
      message: `a node's answer has ${surveyAnswerBytesMax + 1} bytes, surveyAnswerBytesMax is ${surveyAnswerBytesMax}; ask for less`,
    });
    assert.ok((await answersOf(here, "fits", 1))[0] === largest, "both connections go on");
  });
}

for (const kind of [natsKind, ...belfryKinds]) {
  it(`an answer larger than the max_payload of ${kind.name} comes in as many messages as it takes`, {
    skip: kind.skip,
  }, async (t) => {
    const { port } = await kind.start(t, { payloadBytesMax: 4096 });
    const [here, there] = [await end(t, port), await end(t, port)];
    there.listen(answering((length) => "ä".repeat(Number(length) / 2)));
    await there.control('"it listens"');
    // About the size of a message, and of a message less its headers, nothing is lost at the seams.
    for (const bytes of [0, 2, 3966, 3968, 3970, 4094, 4096, 4098, 7936, 7938, 100_000]) {
      assert.deepEqual(await answersOf(here, `${bytes}`, 1), ["ä".repeat(bytes / 2)], `${bytes}`);
    }
  });
}
