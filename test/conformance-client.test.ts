import { after } from "node:test";
import { NetpollDialer } from "../src/dial/index.ts";
import { belfryClient, wsClient } from "./conformance/endpoints.ts";
import { conform } from "./conformance/run.ts";

conform(belfryClient("node:net"));
for (const driver of ["native", "portable"] as const) {
  const dialer = new NetpollDialer({ driver });
  after(() => dialer.close());
  conform(belfryClient(dialer));
}
// npm's ws validates the suite in this role.
conform(wsClient());
