import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext, test } from "node:test";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { connect, type NatsConnection, type NodeConnectionOptions } from "@nats-io/transport-node";
import { createDaemon } from "../src/daemon/index.ts";
import { BusClient, type BusKind, natsKind, startBelfry } from "./bus-servers.ts";

/** A certificate that signs itself, for localhost, as a server's and a client's. */
function makeCertificate(): { cert: string; key: string } {
  const folder = mkdtempSync(join(tmpdir(), "belfry-tls-"));
  const path = (name: string) => join(folder, name);
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
  const names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
  const files = ["-keyout", path("key"), "-out", path("cert")];
  execFileSync("openssl", ["req", "-x509", ...curve, "-nodes", "-days", "1", ...names, ...files], { stdio: "ignore" });
  const [cert, key] = [readFileSync(path("cert"), "utf8"), readFileSync(path("key"), "utf8")];
  rmSync(folder, { recursive: true });
  return { cert, key };
}

const own = makeCertificate();
const strangers = makeCertificate();

const belfryKind: BusKind = { name: "belfry bus", isBelfry: true, skip: false, start: startBelfry };
const PLAIN = 'CONNECT {"verbose":false,"pedantic":false}|';

for (const kind of [natsKind, belfryKind]) {
  describe(`${kind.name} over TLS`, { skip: kind.skip, timeout: 30_000 }, () => {
    it("serves the official client, that knows its certificate", async (t) => {
      const { port } = await kind.start(t, { tls: own, token: "t0ken" });
      const client = await open(t, port, { tls: { ca: own.cert }, token: "t0ken" });
      const service = await open(t, port, { tls: { ca: own.cert }, token: "t0ken" });
      service.subscribe("echo", { callback: (_, message) => void message.respond(message.data) });
      await service.flush();
      const large = Uint8Array.from({ length: 1_000_000 }, (_, i) => i % 251);
      const replies = await Promise.all([1, 2, 3].map(() => client.request("echo", large, { timeout: 10_000 })));
      for (const reply of replies) assert.ok(Buffer.compare(reply.data, large) === 0, "another payload");
      await client.drain();
    });

    it("is refused by a client that does not know its certificate", async (t) => {
      const { port } = await kind.start(t, { tls: own });
      await assert.rejects(open(t, port, { tls: { ca: strangers.cert } }));
    });

    it("asks for certificates where it is given whose", async (t) => {
      const { port } = await kind.start(t, { tls: { ...own, ca: own.cert } });
      const client = await open(t, port, { tls: { ca: own.cert, ...own } });
      await client.flush();
      assert.equal(client.info?.tls_verify, true);
      await assert.rejects(open(t, port, { tls: { ca: own.cert } }));
      await assert.rejects(open(t, port, { tls: { ca: own.cert, ...strangers } }));
    });

    it("says in plain text that it wants TLS, and then answers in TLS only", async (t) => {
      const { port } = await kind.start(t, { tls: own });
      const client = await BusClient.open(t, port);
      assert.equal(client.info["tls_required"], true);
      const tls = connectTls({ socket: client.socket, ca: own.cert, servername: "localhost" });
      tls.write(`${PLAIN}SUB a 1|PUB a 2|hi|`.replaceAll("|", "\r\n"));
      assert.equal(await read(tls, 15), "MSG a 1 2\r\nhi\r\n");
      const careless = await BusClient.open(t, port);
      careless.send(`${PLAIN}PING|`);
      assert.ok(!(await careless.ended()).includes("PONG"), "it was answered in plain text");
    });

    it("ends who begins no handshake", async (t) => {
      const { port } = await kind.start(t, { tls: own });
      const client = await BusClient.open(t, port);
      await client.ended();
      const other = await open(t, port, { tls: { ca: own.cert } });
      await other.flush();
    });
  });
}

test("belfry bus over TLS closes while handshakes are under way, and ends the clients that are in", async (t) => {
  const server = await startBelfry(t, { tls: own });
  const coming = await BusClient.open(t, server.port);
  const client = await open(t, server.port, { tls: { ca: own.cert } });
  await Promise.all([server.stop(), coming.ended(), client.closed()]);
});

test("createDaemon refuses TLS with the native driver, and what is no certificate", () => {
  const refused = { code: "BELFRY_BAD_OPTION" };
  assert.throws(() => createDaemon({ tls: own, driver: "native" }), { ...refused, message: /portable/ });
  assert.throws(() => createDaemon({ tls: { ...own, key: strangers.key } }), { ...refused, message: /option tls/ });
  assert.throws(() => createDaemon({ tls: { ...own, cert: "x" } }), { ...refused, message: /option tls/ });
  assert.throws(() => createDaemon({ tls: { cert: own.cert } as typeof own }), refused);
});

/** Connects; the test's end closes it. */
async function open(t: TestContext, port: number, options: NodeConnectionOptions): Promise<NatsConnection> {
  const connection = await connect({ servers: `localhost:${port}`, reconnect: false, ...options });
  t.after(() => connection.close());
  return connection;
}

/** So many bytes, as text. */
async function read(socket: TLSSocket, bytes: number): Promise<string> {
  let text = "";
  for await (const chunk of socket.setEncoding("latin1")) {
    text += chunk;
    if (text.length >= bytes) break;
  }
  return text;
}
