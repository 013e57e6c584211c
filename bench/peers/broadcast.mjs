/**
 * A listener for node:http that takes publications: `POST /api/broadcast {"channels": [...], "data": ...}`, as the HTTP
 * API that all are published to in the same way. `publish` is called with each channel and the data.
 */
export function onBroadcast(publish) {
  return async (request, response) => {
    if (request.url !== "/api/broadcast") return;
    let body = "";
    for await (const chunk of request) body += chunk;
    const { channels, data } = JSON.parse(body);
    for (const channel of channels) publish(channel, data);
    response.setHeader("content-type", "application/json").end('{"result":{}}');
  };
}
