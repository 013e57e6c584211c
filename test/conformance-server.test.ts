import { belfryServer } from "./conformance/endpoints.ts";
import { conform } from "./conformance/run.ts";

// How the suite is organised is in conformance/README.md.
for (const driver of ["native", "portable"] as const) conform(belfryServer(driver));
