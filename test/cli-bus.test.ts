import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { connect } from "@nats-io/transport-node";

const BELFRY = fileURLToPath(new URL("../../bin/belfry.js", import.meta.url));

/** A folder with a certificate that signs itself, and its key. */
function makeCertificate(t: TestContext): { cert: string; key: string; other: string } {
  const folder = mkdtempSync(join(tmpdir(), "belfry-cli-bus-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const [cert, key, other] = [join(folder, "cert"), join(folder, "key"), join(folder, "other")];
  const how = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"];
  const name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
  execFileSync("openssl", ["req", "-x509", ...how, ...name, "-keyout", key, "-out", cert], { stdio: "ignore" });
  writeFileSync(other, "no certificate");
  return { cert, key, other };
}

function start(flags: readonly string[], env: Readonly<Record<string, string>> = {}) {
  return spawn(process.execPath, [BELFRY, "bus", "--host", "127.0.0.1", "--port", "0", ...flags], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

async function listening(t: TestContext, child: ChildProcess): Promise<{ port: number; said: string }> {
  t.after(() => child.kill("SIGKILL"));
  let said = "";
  for await (const chunk of child.stdout ?? []) {
    said += String(chunk);
    const port = /nats:\/\/localhost:(\d+)/.exec(said)?.[1];
    if (port !== undefined) return { port: Number(port), said };
  }
  throw new Error(`it does not listen: ${said}`);
}

/** What it says when it does not start. */
async function refusal(flags: readonly string[]): Promise<string> {
  const child = start(flags);
  let said = "";
  child.stderr.on("data", (chunk) => {
    said += String(chunk);
  });
  const [code] = await once(child, "close");
  assert.equal(code, 1);
  return said;
}

describe("belfry bus", { timeout: 60_000 }, () => {
  it("speaks TLS with the certificate of --tls-cert, and asks for one with --tls-ca", async (t) => {
    const { cert, key } = makeCertificate(t);
    const pem = { cert: readFileSync(cert, "utf8"), key: readFileSync(key, "utf8") };
    const { port, said } = await listening(t, start(["--tls-cert", cert, "--tls-key", key, "--tls-ca", cert]));
    assert.match(said, /over TLS/);
    const client = await connect({ servers: `localhost:${port}`, tls: { ca: pem.cert, ...pem } });
    await client.flush();
    await client.close();
    await assert.rejects(connect({ servers: `localhost:${port}`, tls: { ca: pem.cert }, reconnect: false }));
  });

  it("takes the files from the environment", async (t) => {
    const { cert, key } = makeCertificate(t);
    const { port } = await listening(t, start([], { BELFRY_BUS_TLS_CERT: cert, BELFRY_BUS_TLS_KEY: key }));
    const client = await connect({ servers: `localhost:${port}`, tls: { ca: readFileSync(cert, "utf8") } });
    assert.equal(client.info?.tls_required, true);
    await client.close();
  });

  it("says which flag is wrong, and ends with 1", async (t) => {
    const { cert, key, other } = makeCertificate(t);
    for (const [flags, message] of [
      [["--tls-cert", cert], /both --tls-cert and --tls-key/],
      [["--tls-ca", cert], /both --tls-cert and --tls-key/],
      [["--tls-cert", "/nowhere", "--tls-key", key], /--tls-cert \/nowhere: ENOENT/],
      [["--tls-cert", other, "--tls-key", key], /tls is no good/],
      [["--tls-cert", cert, "--tls-key", key, "--driver", "native"], /portable/],
      [["--payload-max", "0"], /--payload-max/],
    ] as const) {
      assert.match(await refusal(flags), message);
    }
  });
});

test("belfry bus --help teaches by example", () => {
  const help = execFileSync(process.execPath, [BELFRY, "bus", "--help"], { encoding: "utf8" });
  for (const wanted of ["$ belfry bus --data", "$ belfry bus --tls-cert", "--tls-ca"]) assert.ok(help.includes(wanted));
});
