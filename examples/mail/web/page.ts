import type { MailEvent, MailInfo } from "../wire.ts";
import { Mailbox } from "./mailbox.ts";
import { createView, element, showHint, showState } from "./view.ts";

/** centrifuge.js, the SDK's build for browsers, defines this global. */
declare const Centrifuge: typeof import("centrifuge").Centrifuge;

const address = addressIn(new URLSearchParams(location.search)) || "demo@localhost";
const mailbox = new Mailbox(
  address,
  createView(address, {
    seen: (id) => void mailbox.markSeen([id]),
    text: (id) => mailbox.text(id),
  }),
);

show();
void mailbox.load();

function addressIn(query: URLSearchParams): string {
  return (query.get("mailbox") ?? "").trim().normalize("NFC").toLowerCase();
}

function show(): void {
  element("mailbox").setAttribute("value", address);
  element("see-all").addEventListener("click", () => void mailbox.markSeen());
  void fetch("/info")
    .then((response): Promise<MailInfo> => response.json())
    .catch(() => undefined)
    .then((info) => {
      if (info) showHint(address, info);
      connect(info?.pushPort === undefined ? location.host : `${location.hostname}:${info.pushPort}`);
    });
}

/** Holds the one WebSocket. Each time the subscription stands again, what was missed is loaded. */
function connect(host: string): void {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const client = new Centrifuge(`${scheme}://${host}/connection/websocket`, {
    minReconnectDelay: 200,
    maxReconnectDelay: 3000,
  });
  const subscription = client.newSubscription(`mail:${address}`);
  let wasLive = false;
  client.on("connecting", () => showState(wasLive ? "offline" : "connecting"));
  client.on("disconnected", ({ reason }) => showState("offline", `offline (${reason}): reload the page`));
  subscription.on("unsubscribed", ({ reason }) => showState("offline", `not subscribed (${reason})`));
  subscription.on("publication", ({ data }: { data: MailEvent }) => mailbox.receive(data));
  subscription.on("subscribed", () => {
    wasLive = true;
    showState("live");
    void mailbox.load();
  });
  subscription.subscribe();
  client.connect();
}
