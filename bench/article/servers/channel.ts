import type { Connection, Packet, ServerOptions } from "../../../src/index.ts";

/** An application's object for each connection, with a queue only while one is needed. */
class Channel {
  readonly #connection: Connection;
  #unsent: string[] | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  receive(packet: Packet): void {
    if (this.#connection.bufferedBytes === 0) this.#connection.send(packet);
    else this.#unsent = [...(this.#unsent ?? []), packet.text()];
  }

  drained(): void {
    for (const text of this.#unsent ?? []) this.#connection.send(text);
    this.#unsent = undefined;
  }
}

/** The handlers of a server whose connections have such an object. */
export const withChannels: ServerOptions = {
  open: (connection) => {
    connection.data = new Channel(connection);
  },
  packet: (connection, packet) => (connection.data as Channel).receive(packet),
  drain: (connection) => (connection.data as Channel).drained(),
};
