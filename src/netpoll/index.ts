export { addressPart, portPart } from "./address.ts";
export { type Binding, ENTRY, events, interest, listenFlags, loadBinding, type Poll, RECORD } from "./binding.ts";
export { type DriverChoice, type DriverOptions, openDriver } from "./driver.ts";
export { errnoName, errnoNumber } from "./errno.ts";
export type { Netpoll } from "./netpoll.ts";
export { Poller, type Readiness, type Watch } from "./poller.ts";
