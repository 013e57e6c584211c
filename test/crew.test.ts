import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { Crew } from "../src/cli/crew.ts";
import { Inquiries } from "../src/cli/inquiries.ts";
import { limits } from "../src/index.ts";
import type { Health, MetricJson } from "../src/push/index.ts";
import { samplesOf } from "./exposition.ts";

const HEALTH_SECONDS = 2;

/** What a worker answers; `silent` for one that does not. */
interface Answers {
  metrics?: Record<string, number>;
  health?: Health;
  unready?: string[];
  silent?: boolean;
}

/** A worker that serves, at the other end of a channel that takes a turn of the event loop, as a process does. */
function worker(crew: Crew, answers: Answers) {
  const member = crew.join((message) => setImmediate(() => inquiries.take(JSON.parse(JSON.stringify(message)))));
  const inquiries: Inquiries = new Inquiries(
    (message) => setImmediate(() => member.take(JSON.parse(JSON.stringify(message)))),
    async (what) => {
      if (answers.silent) return await new Promise(() => {});
      if (what === "metrics") return Object.entries(answers.metrics ?? {}).map(([name, value]) => metric(name, value));
      return what === "health" ? answers.health : answers.unready;
    },
  );
  member.serves();
  return { member, inquiries };
}

/** A metric by its name: `…_total` are counters, `lag` the largest counts, all others are added. */
function metric(name: string, value: number): MetricJson {
  const type = name.endsWith("_total") ? "counter" : "gauge";
  return {
    name,
    type,
    help: "a help",
    aggregator: name === "lag" ? "max" : "sum",
    values: [{ labels: { a: "b" }, value }],
  };
}

/** The time is over in which workers may answer, as soon as they are asked. */
async function late<Answer>(t: TestContext, answer: () => Promise<Answer>): Promise<Answer> {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const asked = answer();
  // The first time it loads what it needs.
  for (let i = 0; i < 50; i++) {
    await turn();
    await new Promise((resolve) => process.nextTick(resolve));
  }
  t.mock.timers.tick(HEALTH_SECONDS * 1000 + limits.workerAnswerMsMax);
  const result = await asked;
  t.mock.timers.reset();
  return result;
}

/** The numbers of a scrape, without labels. */
async function numbers(text: Promise<string> | string): Promise<Record<string, number>> {
  return Object.fromEntries([...samplesOf(await text)].map(([name, value]) => [name.replace(/\{.*/, ""), value]));
}

test("Crew.metrics adds counters and gauges, takes the largest of what has one, and tells how many answered", async () => {
  const crew = new Crew(2, HEALTH_SECONDS);
  worker(crew, { metrics: { events_total: 3, clients: 10, lag: 0.5 } });
  worker(crew, { metrics: { events_total: 4, clients: 20, lag: 0.2 } });
  const expected = { events_total: 7, clients: 30, lag: 0.5 };
  const own = { belfry_workers: 2, belfry_workers_answered: 2, belfry_worker_restarts_total: 0 };
  assert.deepEqual(await numbers(crew.metrics()), { ...expected, ...own });
});

test("Crew.metrics: counters never go back, whether a worker is silent or has ended, and gauges are of those that answer", async (t) => {
  const crew = new Crew(2, HEALTH_SECONDS);
  worker(crew, { metrics: { events_total: 3, clients: 10 } });
  const answers: Answers = { metrics: { events_total: 40, clients: 20 } };
  const { member } = worker(crew, answers);
  const of = ({
    events_total,
    clients,
    belfry_workers_answered,
    belfry_worker_restarts_total,
  }: Record<string, number>) => [events_total, clients, belfry_workers_answered, belfry_worker_restarts_total];
  assert.deepEqual(of(await numbers(crew.metrics())), [43, 30, 2, 0]);
  answers.silent = true;
  assert.deepEqual(of(await numbers(await late(t, () => crew.metrics()))), [43, 10, 1, 0]);
  answers.silent = false;
  answers.metrics = { events_total: 45, clients: 20 };
  assert.deepEqual(of(await numbers(crew.metrics())), [48, 30, 2, 0]);
  member.left();
  assert.deepEqual(of(await numbers(crew.metrics())), [48, 10, 1, 0]);
  const second = worker(crew, { metrics: { events_total: 1, clients: 5 } });
  assert.deepEqual(of(await numbers(crew.metrics())), [49, 15, 2, 1]);
  second.member.left();
  worker(crew, { metrics: { events_total: 2, clients: 6 } });
  assert.deepEqual(of(await numbers(crew.metrics())), [51, 16, 2, 2]);
});

test("Crew.metrics without any worker tells of the crew alone", async () => {
  const crew = new Crew(2, HEALTH_SECONDS);
  crew.join(() => {});
  const own = { belfry_workers: 2, belfry_workers_answered: 0, belfry_worker_restarts_total: 0 };
  assert.deepEqual(await numbers(crew.metrics()), own);
});

test("Crew: a worker that asks for the metrics gets those of all, and for nothing else", async () => {
  const crew = new Crew(2, HEALTH_SECONDS);
  const { inquiries } = worker(crew, { metrics: { events_total: 3 } });
  worker(crew, { metrics: { events_total: 4 } });
  assert.equal((await numbers((await inquiries.ask("metrics", 60_000)) as string))["events_total"], 7);
  await assert.rejects(inquiries.ask("secrets", 60_000), { code: "BELFRY_BAD_STATE" });
});

for (const [what, all, expected] of [
  [
    "all are",
    [
      { status: "ok", ms: 3 },
      { status: "ok", ms: 5 },
    ],
    { status: "ok", ms: 5 },
  ],
  [
    "one is not",
    [
      { status: "ok", ms: 3 },
      { status: "failing", ms: 7, step: "receive" },
    ],
    { status: "failing", ms: 7, step: "receive" },
  ],
] as const) {
  test(`Crew.health when ${what} healthy`, async () => {
    const crew = new Crew(2, HEALTH_SECONDS);
    for (const health of all) worker(crew, { health });
    assert.deepEqual(await crew.health(), expected);
  });
}

test("Crew.health and Crew.unready when a worker is silent, when one ends instead of an answer, and when there is none", async (t) => {
  const crew = new Crew(2, HEALTH_SECONDS);
  assert.deepEqual([(await crew.health()).step, await crew.unready()], ["listen", ["no worker serves"]]);
  worker(crew, { health: { status: "ok", ms: 3 }, unready: [] });
  const { member } = worker(crew, { silent: true });
  assert.equal((await late(t, () => crew.health())).step, "answer");
  assert.deepEqual(await late(t, () => crew.unready()), ["a worker does not answer"]);
  const asked = crew.unready();
  member.left();
  assert.deepEqual(await asked, ["a worker does not answer"]);
  assert.deepEqual(await crew.unready(), []);
});

test("Crew.unready has each reason once", async () => {
  const crew = new Crew(2, HEALTH_SECONDS);
  worker(crew, { unready: ["it drains", "the Bus is away"] });
  worker(crew, { unready: ["it drains"] });
  assert.deepEqual(await crew.unready(), ["it drains", "the Bus is away"]);
});
