export { connectNet, type NetOptions } from "./connect-net.ts";
export { ConnectionError } from "./connection-error.ts";
export { type Dialed, type DialOptions, dial } from "./dial.ts";
export { NetpollDialer, type NetpollDialerOptions } from "./netpoll-dialer.ts";
export { SocketTransport } from "./socket-transport.ts";
export type { Connect, Target, Transport } from "./transport.ts";
