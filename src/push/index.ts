export { disconnects, replyErrors } from "./protocol.ts";
export { createPushServer, type PushOptions, PushServer, WEBSOCKET_PATH } from "./push-server.ts";
