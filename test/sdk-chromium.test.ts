import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { readFileSync } from "node:fs";
import type { RequestListener } from "node:http";
import { type TestContext, test } from "node:test";
import type { ClientEvents, HistoryResult, PresenceResult, PresenceStatsResult, SubscriptionEvents } from "centrifuge";
import type { Page } from "playwright-core";
import { launchChromium } from "./chromium.ts";
import { endpoints, Heard, pairs, type Transport, token, type Version } from "./sdk-client.ts";
import { CuttingProxy } from "./sdk-proxy.ts";
import { listen } from "./sdk-server.ts";

/** What the pages tell: the events of a subscription, and of its client. */
type Told = Heard<SubscriptionEvents & Pick<ClientEvents, "connected" | "disconnected">>;

/** The SDK as pages load it. */
const bundles: Readonly<Record<Version, URL>> = {
  "5.8": new URL("../../node_modules/centrifuge/dist/centrifuge.js", import.meta.url),
  "5.7": new URL("../../node_modules/centrifuge-5.7/dist/centrifuge.js", import.meta.url),
};

/** Pages that do nothing but load a version of the SDK. */
const http: RequestListener = ({ url = "" }, response) => {
  const [, version, isBundle] = /^\/(5\.[78])(\.js)?$/.exec(url) ?? [];
  const bundle = bundles[version as Version];
  if (!bundle) return void response.writeHead(404).end();
  if (isBundle) return void response.setHeader("Content-Type", "text/javascript").end(readFileSync(bundle));
  response.setHeader("Content-Type", "text/html").end(`<!doctype html><script src="/${version}.js"></script>`);
};

test("SDK in Chromium", { timeout: 60_000 }, async (t) => {
  const browser = await launchChromium(t);
  if (!browser) return;
  for (const pair of pairs) {
    for (const host of ["127.0.0.1", "localhost"]) {
      const whose = host === "localhost" ? "of a foreign page" : "of the server's own page";
      await t.test(`${pair.name}, ${whose}, subscribes, asks, and comes back with all that it missed`, async (t) => {
        await comesBack(t, await browser.newPage(), { ...pair, host });
      });
    }
  }
});

/** The page is of `host`, and the server of 127.0.0.1: when they differ, so do their origins. */
interface Visit {
  readonly version: Version;
  readonly transport: Transport;
  readonly host: string;
}

async function comesBack(t: TestContext, page: Page, { version, transport, host }: Visit) {
  t.after(() => page.close());
  const { server, port, publish } = await listen({ http, allowedOrigins: host === "localhost" ? ["*"] : [] });
  t.after(() => server.close());
  const { proxy, origin } = await CuttingProxy.listen(t, port);
  const wrong: string[] = [];
  page.on("pageerror", (error) => wrong.push(error.message));
  await page.goto(`${origin.replace("127.0.0.1", host)}/${version}`);
  const emulationEndpoint = `${origin}/emulation`;
  const options = { token: await token({ sub: "42" }), emulationEndpoint, minReconnectDelay: 5, maxReconnectDelay: 20 };
  const told = await follow(page, { endpoints: endpoints(origin, transport), options });

  const connected = await told.next("connected");
  assert.equal(connected.transport, transport);
  const [here] = await server.operations.connections({ user: "42", limit: 10 });
  assert.deepEqual([here?.client, here?.transport], [connected.client, transport]);
  const { wasRecovering, recovered } = await told.next("subscribed");
  assert.deepEqual([wasRecovering, recovered], [false, false]);

  const data = { text: 'grüße \n \u2028 "quoted" 😀'.repeat(200) };
  await publish("news", data);
  assert.deepEqual((await told.next("publication")).data, data);
  await page.evaluate("subscription.publish('its own')");
  const own = await told.next("publication");
  assert.deepEqual([own.data, own.offset, own.info?.client], ["its own", 2, connected.client]);
  const presence: PresenceResult = await page.evaluate("subscription.presence()");
  assert.deepEqual(Object.keys(presence.clients), [connected.client]);
  const stats: PresenceStatsResult = await page.evaluate("subscription.presenceStats()");
  assert.deepEqual(stats, { numClients: 1, numUsers: 1 });
  const history: HistoryResult = await page.evaluate("subscription.history({ limit: 1, reverse: true })");
  assert.deepEqual(
    history.publications.map((publication) => [publication.data, publication.offset]),
    [["its own", 2]],
  );

  proxy.isShut = true;
  proxy.cut();
  for (const n of [3, 4, 5]) await publish("news", n);
  proxy.isShut = false;
  const back = await told.next("subscribed");
  assert.deepEqual([back.wasRecovering, back.recovered], [true, true]);
  await publish("news", 6);
  for (const n of [3, 4, 5, 6]) {
    const publication = await told.next("publication");
    assert.deepEqual([publication.data, publication.offset], [n, n]);
  }
  assert.equal(told.all("publication").length, 6);
  assert.deepEqual(wrong, []);
}

/** Subscribes a page to the channel "news"; its `client` and `subscription` stay there to be asked. */
async function follow(page: Page, how: { endpoints: object; options: object }): Promise<Told> {
  const events = new EventEmitter();
  const told: Told = new Heard((name, listener) => events.on(name, listener));
  await page.exposeFunction("tell", (name: string, context: unknown) => void events.emit(name, context));
  await page.evaluate(`{
    const { endpoints, options } = ${JSON.stringify(how)};
    globalThis.client = new Centrifuge(endpoints, options);
    globalThis.subscription = client.newSubscription("news", { recoverable: true });
    for (const name of ["connected", "disconnected"]) client.on(name, (context) => tell(name, context));
    for (const name of ["subscribed", "unsubscribed", "publication"])
      subscription.on(name, (context) => tell(name, context));
    subscription.subscribe();
    client.connect();
  }`);
  return told;
}
