import type { WorkerPool } from "../pool/index.ts";
import type { AdmissionState } from "./admission-state.ts";
import type { Counts } from "./counts.ts";
import type { OutboundCounts } from "./outbound.ts";

/** What a server is doing, and what has happened; each number is read where it is kept, at the time it is asked for. */
export interface ServerStats {
  readonly counts: Counts;
  readonly pool: Pick<WorkerPool, "busy" | "size" | "saturatedSeconds">;
  readonly admission: AdmissionState;
  readonly outbound: OutboundCounts;
}
