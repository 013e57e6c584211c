import { setTimeout as pause } from "node:timers/promises";
import { connectNats, type NatsOptions } from "../src/bus/index.ts";
import { HISTORY } from "./numbered.ts";

/** Publishes numbers to channels, slowly, and says which were acknowledged; until its input ends. */

const { bus, channels, paceMs } = JSON.parse(process.argv[2] as string) as {
  bus: NatsOptions;
  channels: readonly string[];
  paceMs: number;
};
const broker = await connectNats(bus);
let isOver = false;
process.stdin.on("end", () => {
  isOver = true;
});
process.stdin.resume();
for (let number = 1; !isOver; number++) {
  await Promise.all(channels.map((channel) => broker.publish(channel, `${number}`, { history: HISTORY })));
  process.stdout.write(`acknowledged ${number}\n`);
  await pause(paceMs);
}
process.stdout.write("over\n");
await broker.close();
