import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

// Loaded in front of a program (`node --import`), has it collect its garbage upon SIGUSR2, so that what is measured is
// what it needs.

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;
process.on("SIGUSR2", () => collect());
