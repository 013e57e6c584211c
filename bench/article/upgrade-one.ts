import { measure } from "../ws/contest.ts";
import { upgradeContest } from "../ws/upgrade.ts";

/** Measures one contender of bench/ws/upgrade.ts in this process. Arguments: its name, and the upgrades of a run. */
const [name = "", times = ""] = process.argv.slice(2);
const contender = upgradeContest.contenders.find((one) => one.name === name);
if (!contender) throw new Error(`nobody is called ${name}`);
process.stdout.write(JSON.stringify(await measure({ ...upgradeContest, times: Number(times) }, contender)));
process.exit(0);
