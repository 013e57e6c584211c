import type { Broker } from "../../bus/index.ts";
import type { BusCounts } from "./counts.ts";

/** The same Bus, whose counts are added to with all that is handed to it. Closing it is left to the Bus's owner. */
export function countedBroker(broker: Broker, counts: BusCounts): Broker {
  return {
    publish(channel, data, options) {
      counts.publications++;
      return broker.publish(channel, data, options);
    },
    broadcast(channels, data, optionsOf) {
      counts.publications += channels.length;
      return broker.broadcast(channels, data, optionsOf);
    },
    announce(event) {
      if (event.type === "join") counts.joins++;
      else counts.leaves++;
      return broker.announce(event);
    },
    control(message) {
      counts.controls++;
      return broker.control(message);
    },
    ask: (question, take) => broker.ask(question, take),
    progress: () => broker.progress(),
    history: (channel, query) => broker.history(channel, query),
    removeHistory: (channel) => broker.removeHistory(channel),
    subscribe: (channel) => broker.subscribe(channel),
    unsubscribe: (channel) => broker.unsubscribe(channel),
    listen: (listener) => broker.listen(listener),
    close: () => broker.close(),
  };
}
