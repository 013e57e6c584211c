/** Who ended a connection: this side, its peer with a close frame, or nobody: it broke, or the peer was simply gone. */
export type CloseSide = "server" | "client" | "gone";

/**
 * What has happened on the connections of a server, since its start. They are numbers in plain fields, so that the
 * message path pays an addition for each and nothing else; whoever wants to know reads them when it is asked.
 */
export class Counts {
  /** Connections that the kernel gave, and those of them that became WebSockets. */
  accepted = 0;
  opened = 0;
  /** Messages of the application, and their payloads before compression in bytes; control frames are none. */
  messagesReceived = 0;
  bytesReceived = 0;
  messagesSent = 0;
  bytesSent = 0;
  /** Handshakes that were refused, by HTTP status. */
  readonly refusals = new Map<number, number>();
  /** WebSockets that have ended, by close code: what peers may send bounds them to a few thousand. */
  readonly closes: Readonly<Record<CloseSide, Map<number, number>>> = {
    server: new Map(),
    client: new Map(),
    gone: new Map(),
  };

  /** A handshake was refused. */
  refused(status: number): void {
    add(this.refusals, status);
  }

  /** A WebSocket has ended. */
  closed(code: number, side: CloseSide): void {
    add(this.closes[side], code);
  }

  /** Begins at 0 again: what came before was not the clients'. */
  clear(): void {
    this.accepted = 0;
    this.opened = 0;
    this.messagesReceived = 0;
    this.bytesReceived = 0;
    this.messagesSent = 0;
    this.bytesSent = 0;
    this.refusals.clear();
    for (const codes of Object.values(this.closes)) codes.clear();
  }
}

function add(numbers: Map<number, number>, key: number): void {
  numbers.set(key, (numbers.get(key) ?? 0) + 1);
}
