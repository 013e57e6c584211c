import { ascii, cookie, makeKey, Upgrader, writeDialRequest } from "belfry/ws";

const sessions = new Map([["c0ffee", "Ada"]]);

const upgrader = new Upgrader({
  protocols: ["v2.chat", "v1.chat"],
  upgradesInFlightMax: 1,
  onHost: (head, from, to) => {
    const isOurs = ascii(head.bytes, from, to) === "chat.example";
    return isOurs ? undefined : { status: 421, reason: "another host" };
  },
  onBeforeUpgrade: async (head) => {
    const line = head.find("cookie");
    const id = line < 0 ? undefined : cookie(head.bytes, head.valueFrom(line), head.valueTo(line), "session");
    const user = await Promise.resolve(sessions.get(id ?? "")); // a store far away, in truth
    if (user === undefined) return { status: 401, reason: "log in first" };
    return { headers: { "X-User": user } };
  },
});

async function knock(url: string, headers = {}): Promise<void> {
  const request = writeDialRequest({ url, key: makeKey(), protocols: ["v1.chat"], headers });
  const out = new Uint8Array(1024);
  const result = upgrader.upgrade(request, 0, request.length, out, 0);
  const { status, reason, protocol } = result.settled ? (await result.settled).result : result;
  console.log(status, reason || protocol);
}

await knock("ws://other.example/");
await knock("ws://chat.example/");
await knock("ws://chat.example/", { Cookie: "theme=dark; session=c0ffee" });
await Promise.all([knock("ws://chat.example/"), knock("ws://chat.example/")]);
