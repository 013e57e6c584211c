import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type ProcessEvents, Supervisor } from "../src/cli/supervisor.ts";
import { limits } from "../src/index.ts";

/** A supervisor over processes that are told what to do, with a clock that is told the time. */
function supervise(t: TestContext, count: number) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let nowMs = 0;
  t.mock.method(performance, "now", () => nowMs);
  const started: (ProcessEvents & { said: string[] })[] = [];
  const lines: string[] = [];
  const note = (line: string) => void lines.push(line);
  const supervisor = new Supervisor({
    count,
    log: { info: note, warn: note, error: note },
    start: (events) => {
      const said: string[] = [];
      started.push({ ...events, said });
      return { pid: started.length, close: (how) => said.push(how), kill: () => said.push("kill") };
    },
  });
  const pass = (ms: number) => {
    nowMs += ms;
    t.mock.timers.tick(ms);
  };
  const at = (i: number) => started[i] as (typeof started)[number];
  return { supervisor, started, lines, pass, at };
}

test("Supervisor.start resolves when each has served or failed, with how many serve", async (t) => {
  const { supervisor, started, at } = supervise(t, 3);
  const served = supervisor.start();
  assert.equal(started.length, 3);
  at(0).ready();
  at(1).ended("with code 1");
  at(2).ready();
  assert.equal(await served, 2);
});

test("Supervisor starts a process again, later each time, up to processRestartMsMax", (t) => {
  const { supervisor, started, at, pass } = supervise(t, 1);
  void supervisor.start();
  for (let waitMs: number = limits.processRestartMs; waitMs < 1e6; waitMs *= 2) {
    const bounded = Math.min(waitMs, limits.processRestartMsMax);
    const before = started.length;
    at(before - 1).ended("with code 1");
    pass(bounded - 1);
    assert.equal(started.length, before, `too early with ${bounded} ms`);
    pass(1);
    assert.equal(started.length, before + 1, `too late with ${bounded} ms`);
  }
});

for (const [lived, waitMs] of [
  ["less than processStableSeconds", limits.processRestartMs * 4],
  ["processStableSeconds", limits.processRestartMs],
] as const) {
  test(`Supervisor waits ${waitMs} ms for the third time when the process lived for ${lived}`, (t) => {
    const { supervisor, at, pass, lines } = supervise(t, 1);
    void supervisor.start();
    at(0).ended("with code 1");
    pass(limits.processRestartMs);
    at(1).ended("with code 1");
    pass(limits.processRestartMs * 2);
    pass(limits.processStableSeconds * 1000 - (lived === "processStableSeconds" ? 0 : 1));
    at(2).ended("by SIGKILL");
    assert.equal(lines.at(-1), `worker 1 ended by SIGKILL; it is started again in ${waitMs} ms`);
  });
}

test("Supervisor.close asks all, kills those that are late, resolves with the last, and starts none again", async (t) => {
  const { supervisor, started, at, pass } = supervise(t, 3);
  void supervisor.start();
  at(2).ended("with code 1");
  const closed = supervisor.close("drain", 5);
  at(0).ended("with code 0");
  pass(4999);
  assert.deepEqual(at(1).said, ["drain"]);
  pass(1);
  assert.deepEqual(at(1).said, ["drain", "kill"]);
  at(1).ended("by SIGKILL");
  await closed;
  pass(limits.processRestartMsMax);
  assert.equal(started.length, 3);
});

test("Supervisor.close may be called again to hurry: processes have the new time, and both calls resolve", async (t) => {
  const { supervisor, at, pass } = supervise(t, 1);
  void supervisor.start();
  const drained = supervisor.close("drain", 3600);
  pass(1000);
  const hurried = supervisor.close("hurry", 5);
  pass(4999);
  assert.deepEqual(at(0).said, ["drain", "hurry"]);
  pass(1);
  assert.deepEqual(at(0).said, ["drain", "hurry", "kill"]);
  at(0).ended("by SIGKILL");
  await Promise.all([drained, hurried]);
});

test("Supervisor.close resolves at once where no process is left, and kill leaves nothing to be started", async (t) => {
  const { supervisor, started, at, pass } = supervise(t, 1);
  void supervisor.start();
  at(0).ended("with code 1");
  supervisor.kill();
  await supervisor.close("hurry", 5);
  pass(limits.processRestartMsMax);
  assert.equal(started.length, 1);
});
