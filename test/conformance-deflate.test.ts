import { wsClient, wsServer } from "./conformance/endpoints.ts";
import { conformDeflate } from "./conformance/run-deflate.ts";

// npm's ws validates the suite: in both roles, and as a server in all ways of being set up.
const threshold = 0;
conformDeflate(wsServer("by default", { threshold }));
conformDeflate(
  wsServer("no takeover", { threshold, serverNoContextTakeover: true, clientNoContextTakeover: true }),
  "parameters",
);
conformDeflate(
  wsServer("windows of 10 bits", { threshold, serverMaxWindowBits: 10, clientMaxWindowBits: 10 }),
  "parameters",
);
conformDeflate(wsClient({ threshold }));
