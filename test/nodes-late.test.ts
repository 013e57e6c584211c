import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { SignJWT } from "jose";
import { natsServers } from "./broker-places.ts";
import { CutProxy } from "./broker-proxy.ts";
import { type FleetNode, nodeAt } from "./node-fleet.ts";
import { ProtocolClient } from "./protocol-client.ts";

// What was revoked while a node was not there, or could not hear of it.

const SECRET = "a secret of more than thirty-two bytes, as it should be";
const INVALID = { close: [3500, "invalid token"] };
const EXPIRED = { close: [3005, "connection expired"] };
const now = () => Math.floor(Date.now() / 1000);

async function tokenOf(claims: { sub: string; jti?: string; iat?: number }): Promise<string> {
  const all = { iat: now() - 60, exp: now() + 3600, ...claims };
  return await new SignJWT(all).setProtectedHeader({ alg: "HS256" }).sign(new TextEncoder().encode(SECRET));
}

const node = (t: TestContext, port: number) => nodeAt(t, port, { tokens: { hmacSecret: SECRET } });

/** What a client with this token is told first. */
async function shows(t: TestContext, { port }: FleetNode, token: string) {
  const client = await ProtocolClient.open(t, port, { id: 1, connect: { token } });
  return { client, told: await client.next() };
}

for (const [name, start] of Object.entries(natsServers)) {
  describe(`revocations, ${name}`, { concurrency: 2 }, () => {
    it("are known to a node that joins later before its first client comes, as long as one node lives", async (t) => {
      const place = await start();
      t.after(() => place.stop());
      const first = await node(t, place.port);
      const [byId, byUser, newer] = await Promise.all([
        tokenOf({ sub: "42", jti: "a" }),
        tokenOf({ sub: "43" }),
        tokenOf({ sub: "43", iat: now() + 60 }),
      ]);
      await first.server.operations.revoke({ tokenId: "a" }, now() + 600);
      await first.server.operations.revoke({ user: "43" }, now() + 600);
      const second = await node(t, place.port);
      await first.server.close();
      const third = await node(t, place.port);
      for (const late of [second, third]) {
        for (const token of [byId, byUser]) assert.deepEqual((await shows(t, late, token)).told, INVALID);
        assert.ok("connect" in (await shows(t, late, newer)).told);
      }
    });

    it("reach a node that was cut off from the Bus when it is back, and the clients that it has", async (t) => {
      const place = await start();
      t.after(() => place.stop());
      const proxy = await CutProxy.to(place.port);
      t.after(() => proxy.close());
      const [first, second] = [await node(t, place.port), await node(t, proxy.port)];
      await first.knows(2);
      const [byId, byUser] = await Promise.all([tokenOf({ sub: "42", jti: "a" }), tokenOf({ sub: "43" })]);
      const clients = [(await shows(t, second, byId)).client, (await shows(t, second, byUser)).client];
      const { client: spared } = await shows(t, second, await tokenOf({ sub: "44" }));
      proxy.cut();
      await first.server.operations.revoke({ tokenId: "a" }, now() + 600);
      await first.server.operations.revoke({ user: "43" }, now() + 600);
      proxy.mend();
      // A user's connection may have come with a newer token: it is told to show it again.
      assert.deepEqual(await Promise.all(clients.map((client) => client.next())), [INVALID, EXPIRED]);
      for (const token of [byId, byUser]) assert.deepEqual((await shows(t, second, token)).told, INVALID);
      assert.deepEqual(await spared.rest(), []);
    });
  });
}
