import { deflateDefaults } from "../src/ws/index.ts";
import { belfryClient, belfryServer, wsClient } from "./conformance/endpoints.ts";
import { conformDeflate } from "./conformance/run-deflate.ts";

const takeover = { serverNoContextTakeover: false, clientNoContextTakeover: false };
const small = { serverMaxWindowBits: 10, clientMaxWindowBits: 10 };

conformDeflate(belfryServer("native", { deflate: { thresholdBytes: 0 } }));
conformDeflate(belfryServer("native", { deflate: { ...takeover, thresholdBytes: 0 } }));
conformDeflate(belfryServer("native", { deflate: { ...takeover, ...small, thresholdBytes: 0 } }), "parameters");
conformDeflate(belfryServer("portable", { deflate: { thresholdBytes: 0 } }), "parameters");
conformDeflate(belfryClient("node:net", deflateDefaults));
conformDeflate(belfryClient("node:net", { ...deflateDefaults, ...takeover }));
// npm's ws validates the suite.
conformDeflate(wsClient({ threshold: 0 }), "parameters");
