import { once } from "node:events";
import { Agent, type IncomingMessage, request } from "node:http";
import { text } from "node:stream/consumers";

/** What subscribers are told in all measures: a short notification. */
export const NOTIFICATION = { text: "a mail has come" };

/** Shown to `belfry serve`; the others ask for none. */
export const API_KEY = "bench";

/**
 * Publishes the notification through the HTTP API, which all who take part have in the same form: Belfry's own, as much of
 * it as is needed in the others. It has one connection, which a server may close after 5 s without a call.
 */
export class Publisher {
  readonly #port: number;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });

  constructor(port: number) {
    this.#port = port;
  }

  /** Publishes to channels with one call; resolves when it is answered. */
  async publish(channels: readonly string[]): Promise<void> {
    const call = request({
      host: "127.0.0.1",
      port: this.#port,
      method: "POST",
      path: "/api/broadcast",
      headers: { "content-type": "application/json", "x-api-key": API_KEY },
      agent: this.#agent,
    });
    call.end(JSON.stringify({ channels, data: NOTIFICATION }));
    const [response] = (await once(call, "response")) as [IncomingMessage];
    const said = await text(response);
    if (response.statusCode !== 200 || said.includes('"error"')) {
      throw new Error(`/api/broadcast: ${response.statusCode} ${said}`);
    }
  }

  close(): void {
    this.#agent.destroy();
  }
}
