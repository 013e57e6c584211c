import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { Crowd } from "../crowd/crowd.ts";
import { Fleet, nginx } from "../crowd/fleet.ts";
import type { CrowdReport } from "../crowd/main.ts";
import { Publisher } from "../crowd/publisher.ts";
import { actions, type Scene } from "./actions.ts";
import { Random } from "./random.ts";

const help = `Three instances of belfry serve behind nginx, one of them with workers, on a Bus. While a back end publishes to all
channels, instances are killed, stalled and restarted, connections reset, ports flooded, at random. At the end each client
must have had each publication of its channel once, and in order. Ends with 1 where that is not so.

  npm run chaos -- [--seconds 60] [--seed N] [--clients 1000] [--channels 50] [--rate 100]

Three disturbances go on side by side; the seed decides the order of each. What they meet is never quite the same.
`;
/** How long everybody may take to have all, when all is put right. */
const HEAL_SECONDS_MAX = 90;

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    seed: { type: "string", default: `${randomInt(2 ** 31)}` },
    clients: { type: "string", default: "1000" },
    channels: { type: "string", default: "50" },
    rate: { type: "string", default: "100" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) say(help);
else process.exitCode = (await main()) ? 0 : 1;

/** Whether nothing was amiss. */
async function main(): Promise<boolean> {
  const [seconds, seed, clients, channels, rate] = [
    Number(values.seconds),
    Number(values.seed),
    Number(values.clients),
    Number(values.channels),
    Number(values.rate),
  ];
  if (!nginx) throw new Error("nginx is not installed: apt-get install nginx-light");
  say(`--seed ${seed} --seconds ${seconds} --clients ${clients} --channels ${channels} --rate ${rate}`);
  const fleet = await Fleet.start(3, { shutdown: { spreadSeconds: 2 } }, ["--workers", "2"]);
  await fleet.startNginx();
  const crowd = new Crowd({ port: fleet.port, clients, channels, arrivalsPerSecond: 500 });
  process.once("SIGINT", () => process.exit(130));
  process.once("exit", () => fleet.kill());
  await crowd.until(({ subscribed }) => subscribed === clients);
  const publisher = new Publisher(fleet.port, channels, rate);
  const scene = { fleet, crowd, clients, calm: new Set(fleet.instances) };
  const done = await disturb(scene, seed, seconds);

  say("all is put right; the last publications are on their way");
  const finals = await publisher.stop();
  crowd.say({ finals });
  const late = AbortSignal.timeout(HEAL_SECONDS_MAX * 1000);
  const report = await crowd.until(({ isComplete }) => isComplete || late.aborted);
  crowd.close();
  await fleet.close();
  console.table(done);
  if (Object.keys(publisher.failures).length > 0) say(`publish was asked again: ${JSON.stringify(publisher.failures)}`);
  return judge(report, finals);
}

/** Disturbs for so long, three at a time; returns how often each was done. */
async function disturb(scene: Omit<Scene, "random">, seed: number, seconds: number): Promise<Record<string, number>> {
  const names = Object.keys(actions);
  const done: Record<string, number> = Object.fromEntries(names.map((name) => [name, 0]));
  const endsAt = performance.now() + seconds * 1000;
  const turn = async (random: Random) => {
    while (performance.now() < endsAt) {
      const name = names[random.below(names.length)] as string;
      await actions[name]?.({ ...scene, random });
      done[name] = (done[name] as number) + 1;
      await new Promise((resolve) => setTimeout(resolve, random.below(1000)));
    }
  };
  const progress = setInterval(() => {
    const { subscribed = 0, deliveries = 0, faults } = scene.crowd.report ?? {};
    const left = Math.max(0, Math.round((endsAt - performance.now()) / 1000));
    say(`${left} s left: ${subscribed} subscribed, ${deliveries} deliveries, ${JSON.stringify(faults)}`);
  }, 5000);
  await Promise.all([0, 1, 2].map((i) => turn(new Random(seed + i))));
  clearInterval(progress);
  return done;
}

function judge(report: CrowdReport, finals: readonly number[]): boolean {
  const published = finals.reduce((sum, number) => sum + number, 0);
  const { faults, isComplete, returns, deliveries, closes } = report;
  console.table({ published, deliveries, subscriptions: returns, ...faults, "all have the last": isComplete });
  say(`connections ended, by close code: ${JSON.stringify(closes)}`);
  const isGood = isComplete && Object.values(faults).every((count) => count === 0);
  say(isGood ? "nothing lost, nothing twice, nothing out of order" : "SOMETHING IS AMISS");
  return isGood;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
