import { wsClient } from "./conformance/endpoints.ts";
import { conform } from "./conformance/run.ts";

// npm's ws validates the suite in this role.
conform(wsClient());
