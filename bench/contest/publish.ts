/** What subscribers are told in all measures: a short notification. */
export const NOTIFICATION = { text: "a mail has come" };

/** Shown to `belfry serve`; the others ask for none. */
export const API_KEY = "bench";

/**
 * Publishes the notification to channels with one call of the HTTP API, which all who take part have in the same form:
 * Belfry's own, as much of it as is needed in the others. Resolves when it is answered.
 */
export async function publish(port: number, channels: readonly string[]): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}/api/broadcast`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-api-key": API_KEY },
    body: JSON.stringify({ channels, data: NOTIFICATION }),
  });
  const said = await response.text();
  if (!response.ok || said.includes('"error"')) throw new Error(`/api/broadcast: ${response.status} ${said}`);
}
