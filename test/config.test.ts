import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { parse } from "yaml";
import { BelfryError, limits } from "../src/index.ts";
import { Channels } from "../src/push/channels.ts";
import { nearest } from "../src/push/config/nearest.ts";
import { configSchema } from "../src/push/config/schema.ts";
import { docOf, type Leaf, leavesOf, meaningOf, shapeOf } from "../src/push/config/shape.ts";
import { type ConfigSources, loadConfig, type PartialConfig, printDefaults } from "../src/push/config.ts";

const folder = mkdtempSync(join(tmpdir(), "belfry-config-"));
after(() => rmSync(folder, { recursive: true }));
const leaves = leavesOf(configSchema);
const defaults = loadConfig({ env: {} });

let files = 0;
/** Writes a file; its name is short, so that it can stand in an expected message as `FILE`. */
function fileOf(text: string, extension = "yaml"): string {
  const file = join(folder, `${files++}.${extension}`);
  writeFileSync(file, text);
  return file;
}

/** The mistakes that are told, a line for each; folder and number of the file are left out. */
function mistakesOf(sources: Partial<ConfigSources>): string[] {
  try {
    loadConfig({ env: {}, ...sources });
  } catch (error) {
    assert.ok(error instanceof BelfryError, String(error));
    assert.equal(error.code, "BELFRY_BAD_OPTION");
    const [title, ...lines] = error.message.replaceAll(new RegExp(`${folder}/\\d+`, "g"), "FILE").split("\n  ");
    const count = lines.length === 1 ? "a mistake" : `${lines.length} mistakes`;
    assert.equal(title, `the configuration has ${count}:`);
    return lines;
  }
  return [];
}

const mistakesIn = (text: string, extension?: string) => mistakesOf({ file: fileOf(text, extension) });

test("config: the defaults let nobody in", () => {
  assert.equal(defaults.client.allowAnonymous, false);
  assert.deepEqual(defaults.api.keys, []);
  assert.deepEqual(defaults.channel.namespaces, {});
  assert.deepEqual({ ...new Channels().optionsOf("x") }, defaults.channel.withoutNamespace);
  assert.ok(Object.values(defaults.channel.withoutNamespace).every((value) => typeof value !== "boolean" || !value));
});

test("config: the limits are the defaults", () => {
  const { server, client, history } = defaults;
  for (const name of [
    "outboxBytesMax",
    "outboundBytesMax",
    "workersMax",
    "headBytesMax",
    "headSecondsMax",
    "closeSecondsMax",
  ] as const)
    assert.equal(server[name], limits[name]);
  for (const name of [
    "channelsPerClientMax",
    "commandsPerSecondMax",
    "commandsPerUserPerSecondMax",
    "staleSecondsMax",
    "expiredCloseSeconds",
  ] as const)
    assert.equal(client[name], limits[name]);
  assert.equal(server.messageBytesMax, limits.commandBytesMax);
  assert.equal(client.pingSeconds, limits.protocolPingSeconds);
  assert.equal(client.pongSeconds, limits.protocolPongSeconds);
  assert.equal(history.bytesMax, limits.historyBytesMax);
  assert.equal(defaults.proxy.rpc.seconds, limits.proxySecondsMax);
  assert.equal(defaults.proxy.rpc.concurrency, limits.proxyConcurrencyMax);
});

test("config: the printed defaults are a file that loads to the defaults", () => {
  const text = printDefaults();
  assert.deepEqual(loadConfig({ env: {}, file: fileOf(text) }), defaults);
  assert.deepEqual(parse(text), defaults);
  assert.deepEqual(loadConfig({ env: {}, file: fileOf("") }), defaults);
  assert.deepEqual(loadConfig({ env: {}, file: fileOf("server:\nchannel:\n  withoutNamespace:\n") }), defaults);
  assert.deepEqual(loadConfig({ env: {}, file: fileOf(JSON.stringify(defaults), "json") }), defaults);
});

test("config: every key is printed, with a comment right before it that says what it is", () => {
  const lines = printDefaults().split("\n");
  const undocumented = lines.filter((line, i) => /^ *\w+:/.test(line) && !/^ *# +\S/.test(lines[i - 1] ?? ""));
  assert.deepEqual(undocumented, []);
  const comments = lines.map((line) => line.replace(/^ *# */, "")).join(" ");
  for (const { path, schema } of keysOf(configSchema)) {
    assert.match(docOf(schema), /^[A-Z].*[.?]$/, path);
    assert.ok(comments.includes(docOf(schema)), path);
  }
  assert.ok(lines.every((line) => line.length <= 120));
});

/** Every key of the schema, those of groups, namespaces and items of lists too. */
function keysOf(schema: Leaf["schema"], path = ""): { path: string; schema: Leaf["schema"] }[] {
  const shape = shapeOf(schema);
  if (shape.kind === "list") return keysOf(shape.item, `${path}[]`);
  if (shape.kind === "record") return keysOf(shape.value, `${path}.*`);
  if (shape.kind === "value") return [];
  return Object.entries(shape.entries).flatMap(([name, entry]) => [
    { path: `${path}.${name}`, schema: entry },
    ...keysOf(entry, `${path}.${name}`),
  ]);
}

test("config: every number is bounded on both sides, and the bounds are told", () => {
  let numbers = 0;
  for (const { path, schema } of leaves) {
    const [, from, to] = / from (\S+) to (\S+)$/.exec(meaningOf(schema).allowed ?? "") ?? [];
    if (from === undefined || to === undefined) continue;
    numbers++;
    const refusals = (value: number) =>
      mistakesOf({ flags: at(path, value) }).filter((line) => line.startsWith(path.join(".")) && /allowed/.test(line));
    assert.deepEqual([refusals(Number(from)), refusals(Number(to))], [[], []], path.join("."));
    for (const value of [Number(from) - 0.01, Number(to) + 1, Number.NaN]) {
      assert.deepEqual(refusals(value), [
        `${path.join(".")}: ${value} (a flag); allowed is ${meaningOf(schema).allowed}`,
      ]);
    }
  }
  assert.ok(numbers > 20);
});

function at(path: readonly string[], value: unknown): PartialConfig {
  return path.reduceRight((inner, step) => ({ [step]: inner }), value) as PartialConfig;
}

test("config: flags come before the environment, that before the file, and the file before the defaults", () => {
  const file = fileOf("server: {port: 1, workersMax: 1, headBytesMax: 1}");
  const env = { BELFRY_SERVER_PORT: "2", BELFRY_SERVER_WORKERS_MAX: "2" };
  const { server } = loadConfig({ file, env, flags: { server: { port: 3 } } });
  assert.deepEqual(server, { ...defaults.server, port: 3, workersMax: 2, headBytesMax: 1 });
  // Options of a command line that were not given are often there, and undefined.
  const flags = { server: { port: undefined }, client: undefined };
  assert.equal(loadConfig({ file, env, flags }).server.port, 2);
});

test("config: lists, and what stands by name, are taken as a whole", () => {
  const file = fileOf("server: {allowedOrigins: [a, b]}\nchannel: {namespaces: {a: {presence: true}, b: }}");
  assert.deepEqual(Object.keys(loadConfig({ file, env: {} }).channel.namespaces), ["a", "b"]);
  const env = { BELFRY_SERVER_ALLOWED_ORIGINS: '["c"]', BELFRY_CHANNEL_NAMESPACES: '{"c": {"joinLeave": true}}' };
  const { server, channel } = loadConfig({ file, env });
  assert.deepEqual(server.allowedOrigins, ["c"]);
  assert.deepEqual(channel.namespaces, { c: { ...defaults.channel.withoutNamespace, joinLeave: true } });
  assert.equal(new Channels(channel).optionsOf("c:x")?.joinLeave, true);
});

test("config: each key has an environment variable of its own, and takes its default from there", () => {
  assert.equal(new Set(leaves.map(({ variable }) => variable)).size, leaves.length);
  const variables = leaves.map(({ variable }) => variable);
  for (const name of ["BELFRY_SERVER_PORT", "BELFRY_CLIENT_ALLOW_ANONYMOUS", "BELFRY_PROXY_SUB_REFRESH_URL"])
    assert.ok(variables.includes(name), name);
  const env = Object.fromEntries(
    leaves.map(({ path, variable }) => {
      const value = path.reduce<unknown>((tree, step) => (tree as Record<string, unknown>)[step], defaults);
      return [variable, typeof value === "string" ? value : JSON.stringify(value)];
    }),
  );
  assert.deepEqual(loadConfig({ env }), defaults);
});

test("config: a text is taken from the environment as it is", () => {
  for (const secret of ["true", "123", '"quoted"', " {} ", "null"])
    assert.equal(loadConfig({ env: { BELFRY_TOKEN_HMAC_SECRET: secret } }).token.hmacSecret, secret);
});

test("config: variables of others are left alone: of the addon, and of Kubernetes for a service of our name", () => {
  const env = {
    BELFRY_ADDON: "/opt/belfry.node",
    BELFRY_SERVICE_HOST: "10.0.0.1",
    BELFRY_SERVICE_PORT: "8000",
    BELFRY_SERVICE_PORT_HTTP: "8000",
    BELFRY_PORT: "tcp://10.0.0.1:8000",
    BELFRY_PORT_8000_TCP: "tcp://10.0.0.1:8000",
    BELFRY_PORT_8000_TCP_PROTO: "tcp",
    BELFRY_PORT_8000_TCP_PORT: "8000",
    BELFRY_PORT_8000_TCP_ADDR: "10.0.0.1",
    // That of the service belfry-server has the name of a key.
    BELFRY_SERVER_PORT: "tcp://10.0.0.1:8000",
    BELFRYSERVERPORT: "x",
    belfry_server_port: "x",
  };
  assert.deepEqual(loadConfig({ env }), defaults);
});

test("config: YAML may use anchors and merge keys, and begin with a byte order mark", () => {
  const file = fileOf("\uFEFFchannel:\n  namespaces:\n    a: &a {presence: true}\n    b: {<<: *a, joinLeave: true}\n");
  const { a, b } = loadConfig({ file, env: {} }).channel.namespaces;
  assert.deepEqual(b, { ...a, joinLeave: true });
  assert.equal(b?.presence, true);
});

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
const pem = (key: { export(options: { type: "spki"; format: "pem" }): string | Buffer }) =>
  String(key.export({ type: "spki", format: "pem" }));

test("config: public keys are those of their algorithm, and a private one is refused and not shown", () => {
  const env = { BELFRY_TOKEN_RSA_PUBLIC_KEY: pem(rsa.publicKey), BELFRY_TOKEN_ECDSA_PUBLIC_KEY: pem(ec.publicKey) };
  assert.equal(loadConfig({ env }).token.rsaPublicKey, env.BELFRY_TOKEN_RSA_PUBLIC_KEY);
  const secret = String(rsa.privateKey.export({ type: "pkcs8", format: "pem" }));
  const refused = [
    'token.rsaPublicKey: *** (a flag); allowed is an RSA public key as PEM, or "" for none',
    'token.ecdsaPublicKey: *** (a flag); allowed is an EC public key as PEM, or "" for none',
  ];
  assert.deepEqual(
    mistakesOf({ flags: { token: { rsaPublicKey: secret, ecdsaPublicKey: pem(rsa.publicKey) } } }),
    refused,
  );
  assert.deepEqual(mistakesOf({ flags: { token: { rsaPublicKey: pem(ec.publicKey), ecdsaPublicKey: "x" } } }), refused);
});

/** A file, and the mistakes that are told of it. */
const brokenFiles: readonly [string, string, ...string[]][] = [
  [
    "an unknown key, of which a neighbour is meant",
    "server:\n  # the port\n  prot: 80",
    "server.prot: there is no such key (FILE.yaml, line 3); did you mean server.port?",
  ],
  [
    "a key of another habit of writing",
    "client: {allow_anonymous: true}",
    "client.allow_anonymous: there is no such key (FILE.yaml, line 1); did you mean client.allowAnonymous?",
  ],
  [
    "a key that belongs elsewhere",
    "hmacSecret: hidden",
    "hmacSecret: there is no such key (FILE.yaml, line 1); did you mean token.hmacSecret?",
  ],
  [
    "a key that is like none",
    "websocket: true",
    "websocket: there is no such key (FILE.yaml, line 1); belfry config --defaults shows all keys",
  ],
  [
    "keys that every object has",
    "constructor: 1\nserver: {__proto__: {port: 1}, toString: 1}",
    "constructor: there is no such key (FILE.yaml, line 1); belfry config --defaults shows all keys",
    "server.__proto__: there is no such key (FILE.yaml, line 2); belfry config --defaults shows all keys",
    "server.toString: there is no such key (FILE.yaml, line 2); belfry config --defaults shows all keys",
  ],
  [
    "a number as words",
    "server:\n  port: eighty\n",
    'server.port: "eighty" (FILE.yaml, line 2); allowed is a whole number from 0 to 65535',
  ],
  [
    "a key without a value",
    "server: {deflate: }",
    "server.deflate: nothing (FILE.yaml, line 1); allowed is true or false",
  ],
  [
    "a word that is none of the few",
    "server: {driver: epoll}",
    'server.driver: "epoll" (FILE.yaml, line 1); allowed is "auto", "native" or "portable"',
  ],
  [
    "a host's name",
    "server: {host: localhost}",
    'server.host: "localhost" (FILE.yaml, line 1); allowed is a numeric IPv4 or IPv6 address, or "" for all',
  ],
  ["a value where keys are wanted", "server: 80", "server: 80 (FILE.yaml, line 1); allowed is an object"],
  ["a list as the file", "- server", "(all): *** (FILE.yaml); allowed is an object"],
  [
    "a secret of a wrong type",
    "token:\n  hmacSecret: 12345678\n",
    "token.hmacSecret: *** (FILE.yaml, line 2); allowed is a string (in quotes where it looks like a number)",
  ],
  ["a secret in a wrong place", "token: hidden", "token: *** (FILE.yaml, line 1); allowed is an object"],
  [
    "a URL with a password",
    "token: {jwksUrl: 'https://me:hid@den@x.example/'}",
    'token.jwksUrl: "https://***@x.example/" (FILE.yaml, line 1); allowed is an http:// or https:// URL without a user ' +
      'and password, or "" for none',
  ],
  [
    "a long value",
    `server: {path: ${"x".repeat(100)}}`,
    `server.path: "${"x".repeat(79)}… (FILE.yaml, line 1); allowed is a path that holds a /, or "" for none`,
  ],
  [
    "an item of a list",
    "server:\n  allowedOrigins:\n    - https://a.example\n    - 7\n",
    "server.allowedOrigins.1: 7 (FILE.yaml, line 4); allowed is a string (in quotes where it looks like a number)",
  ],
  [
    "keys of the API with too much and too little",
    "api:\n  keys:\n    - {key: hidden, scope: read}\n    - {key: '', scopes: []}\n    - hidden\n    - {key: k, scopes: [root]}",
    "api.keys.0.scope: there is no such key (FILE.yaml, line 3); did you mean api.keys.0.scopes?",
    'api.keys.0.scopes: missing (FILE.yaml, line 3); needed is a list of some of "publish", "read", "manage" and "*"',
    "api.keys.1.key: *** (FILE.yaml, line 4); allowed is a string that is not empty",
    'api.keys.1.scopes: an empty list (FILE.yaml, line 4); allowed is a list of some of "publish", "read", "manage" and "*"',
    "api.keys.2: *** (FILE.yaml, line 5); allowed is an object",
    'api.keys.3.scopes.0: "root" (FILE.yaml, line 6); allowed is "publish", "read", "manage" or "*"',
  ],
  [
    "names of namespaces",
    "channel:\n  namespaces:\n    a:b: {}\n    constructor: {}\n    good: {presence: 1}",
    'channel.namespaces.a:b: the name "a:b" (FILE.yaml, line 3); allowed is a name of letters, digits, "-", "_" and "."',
    'channel.namespaces.constructor: the name "constructor" (FILE.yaml, line 4); allowed is a name of letters, digits, ' +
      '"-", "_" and "."',
    "channel.namespaces.good.presence: 1 (FILE.yaml, line 5); allowed is true or false",
  ],
  [
    "namespaces as a list",
    "channel: {namespaces: [{name: news}]}",
    'channel.namespaces: a list (FILE.yaml, line 1); allowed is namespaces by name: {"news": {"allowSubscribeForClient": ' +
      "true}}",
  ],
  [
    "a broken regular expression",
    "channel: {withoutNamespace: {channelRegex: '['}}",
    'channel.withoutNamespace.channelRegex: "[" (FILE.yaml, line 1); allowed is a regular expression of JavaScript (with ' +
      "the flag u)",
  ],
  [
    "a header's name",
    "proxy: {rpc: {headers: ['a b']}}",
    'proxy.rpc.headers.0: "a b" (FILE.yaml, line 1); allowed is the name of a header',
  ],
  [
    "a claim without name",
    "token: {userClaim: ''}",
    'token.userClaim: "" (FILE.yaml, line 1); allowed is the name of a claim',
  ],
  [
    "a port and a path",
    "server:\n  host: 127.0.0.1\n  path: /run/x",
    'server.host: "127.0.0.1" (FILE.yaml, line 2); server.path is set, and takes its place',
  ],
  [
    "a pong that may come after the next ping",
    "client: {pingSeconds: 8}",
    "client.pongSeconds: 8 (default); it must be less than client.pingSeconds, which is 8",
  ],
  [
    "an old secret without a new one",
    "token: {previousHmacSecret: hidden}",
    "token.previousHmacSecret: *** (FILE.yaml, line 1); it needs token.hmacSecret",
  ],
  [
    "options of channels that need others",
    "channel:\n  withoutNamespace: {allowRecovery: true}\n  namespaces:\n    a:\n      historySize: 1\n      publishProxy: true",
    "channel.withoutNamespace.allowRecovery: true (FILE.yaml, line 2); it needs historySize",
    "channel.namespaces.a.historySize: 1 (FILE.yaml, line 5); it needs historySeconds",
    "channel.namespaces.a.publishProxy: true (FILE.yaml, line 6); it needs proxy.publish.url",
  ],
  [
    "answers that are kept of nobody",
    "proxy: {connect: {cacheSeconds: 60}}",
    "proxy.connect.cacheSeconds: 60 (FILE.yaml, line 1); it needs proxy.connect.url",
  ],
  [
    "answers that are kept of another proxy than that for connects",
    "proxy: {rpc: {url: 'http://localhost', cacheSeconds: 60}}",
    "proxy.rpc.cacheSeconds: there is no such key (FILE.yaml, line 1); did you mean proxy.connect.cacheSeconds?",
  ],
  [
    "marks of names that are the same",
    "channel: {userBoundary: ':', privatePrefix: '', userSeparator: ''}",
    'channel.userBoundary: ":" (FILE.yaml, line 1); channel.namespaceBoundary is the same',
  ],
  [
    "a key of the API twice",
    "api:\n  keys:\n    - {key: hidden, scopes: ['*']}\n    - {key: hidden, scopes: [read]}",
    "api.keys.1.key: *** (FILE.yaml, line 4); api.keys.0.key is the same",
  ],
  [
    "a need that may be met by a value that is refused for itself",
    "channel: {withoutNamespace: {historySize: 10, historySeconds: 1h}}\nclient: {pingSeconds: soon, pongSeconds: 30}",
    'client.pingSeconds: "soon" (FILE.yaml, line 2); allowed is a whole number from 1 to 3600',
    'channel.withoutNamespace.historySeconds: "1h" (FILE.yaml, line 1); allowed is a number of seconds from 0 to 31536000',
  ],
  ["a key twice", "server:\n  port: 1\n  port: 2", "FILE.yaml, line 3: Map keys must be unique"],
  [
    "broken YAML",
    "token: {\n  hmacSecret: hidden\n",
    "FILE.yaml, line 3: Flow map in block collection must be sufficiently indented and end with a }",
  ],
  [
    "a secret that YAML takes for an alias",
    "token:\n  hmacSecret: *hidden\n",
    "FILE.yaml: Unresolved alias (the anchor must be set before the alias)",
  ],
];

for (const [what, text, ...expected] of brokenFiles) {
  test(`config: in a file, ${what}`, () => {
    const mistakes = mistakesIn(text);
    assert.deepEqual(mistakes, expected);
    assert.ok(!mistakes.join().includes("hidden"));
  });
}

/** A file of JSON, and the mistakes that are told of it. */
const jsonFiles: readonly [string, string, string][] = [
  [
    "a wrong value",
    '{\n\t"server": {\n\t\t"port": -1\n\t}\n}',
    "server.port: -1 (FILE.json, line 3); allowed is a whole number from 0 to 65535",
  ],
  ["a comma too much", '{"server": {},\n}', "FILE.json, line 2: this is not JSON"],
  ["a word", '{"token":\n{"hmacSecret": hidden}}', "FILE.json: this is not JSON"],
  ["a missing end", '{"server":\n{', "FILE.json, line 2: this is not JSON"],
  ["a key twice", '{"server": {},\n"server": {}}', "FILE.json, line 2: Map keys must be unique"],
  ["nothing", "", "FILE.json: this is not JSON"],
  ["YAML", "server:\n  port: 1", "FILE.json: this is not JSON"],
];

for (const [what, text, expected] of jsonFiles) {
  test(`config: in a file of JSON, ${what}`, () => assert.deepEqual(mistakesIn(text, "json"), [expected]));
}

test("config: what a file that cannot be read might hold is not missed", () => {
  const env = { BELFRY_TOKEN_PREVIOUS_HMAC_SECRET: "old" };
  assert.equal(mistakesOf({ env }).length, 1);
  assert.deepEqual(mistakesOf({ env, file: fileOf("token: {", "json") }), ["FILE.json: this is not JSON"]);
  assert.equal(loadConfig({ env, file: fileOf("token: {hmacSecret: new}") }).token.previousHmacSecret, "old");
});

test("config: a file that cannot be read is a mistake like others", () => {
  assert.deepEqual(mistakesOf({ file: join(folder, "none.yaml"), env: { BELFRY_SERVER_PORT: "x" } }), [
    `${folder}/none.yaml: cannot be read: ENOENT`,
    'server.port: "x" (environment variable BELFRY_SERVER_PORT, as JSON); allowed is a whole number from 0 to 65535',
  ]);
  assert.deepEqual(mistakesOf({ file: folder }), [`${folder}: cannot be read: EISDIR`]);
});

/** An environment variable, and the mistake that is told of it. */
const variables: readonly [string, string, string][] = [
  [
    "BELFRY_SERVER_PROT",
    "1",
    "BELFRY_SERVER_PROT: there is no such key (environment); did you mean BELFRY_SERVER_PORT?",
  ],
  ["BELFRY_PORT", "80", "BELFRY_PORT: there is no such key (environment); did you mean BELFRY_SERVER_PORT?"],
  [
    "BELFRY_TOKEN_HMACSECRET",
    "hidden",
    "BELFRY_TOKEN_HMACSECRET: there is no such key (environment); did you mean BELFRY_TOKEN_HMAC_SECRET?",
  ],
  [
    "BELFRY_REDIS_ADDRESS",
    "x",
    "BELFRY_REDIS_ADDRESS: there is no such key (environment); belfry config --defaults shows all keys",
  ],
  [
    "BELFRY_CHANNEL_NAMESPACES_NEWS",
    "x",
    "BELFRY_CHANNEL_NAMESPACES_NEWS: there is no such key (environment); BELFRY_CHANNEL_NAMESPACES takes all of it, as JSON",
  ],
  [
    "BELFRY_SERVER_PORT",
    "",
    'server.port: "" (environment variable BELFRY_SERVER_PORT, as JSON); allowed is a whole number from 0 to 65535',
  ],
  [
    "BELFRY_SERVER_DRIVER",
    "none",
    'server.driver: "none" (environment variable BELFRY_SERVER_DRIVER); allowed is "auto", "native" or "portable"',
  ],
  [
    "BELFRY_SERVER_ALLOWED_ORIGINS",
    "https://a.example",
    'server.allowedOrigins: "https://a.example" (environment variable BELFRY_SERVER_ALLOWED_ORIGINS, as JSON); allowed is ' +
      'a list of origins, ["https://example.com"] say, or ["*"] for all',
  ],
  [
    "BELFRY_API_KEYS",
    '[{"key": "hidden"',
    'api.keys: *** (environment variable BELFRY_API_KEYS, as JSON); allowed is a list of keys: [{"key": "…", "scopes": ["publish"]}]',
  ],
  [
    "BELFRY_CHANNEL_NAMESPACES",
    '{"__proto__": {"presence": true}}',
    'channel.namespaces.__proto__: the name "__proto__" (environment variable BELFRY_CHANNEL_NAMESPACES, as JSON); ' +
      'allowed is a name of letters, digits, "-", "_" and "."',
  ],
  [
    "BELFRY_TOKEN_PREVIOUS_HMAC_SECRET",
    "hidden",
    "token.previousHmacSecret: *** (environment variable BELFRY_TOKEN_PREVIOUS_HMAC_SECRET); it needs token.hmacSecret",
  ],
];

for (const [name, value, expected] of variables) {
  test(`config: of the environment, ${name}=${value} is refused`, () => {
    assert.deepEqual(mistakesOf({ env: { [name]: value } }), [expected]);
    assert.ok(!expected.includes("hidden"));
  });
}

test("config: all mistakes of all sources are told at once, and a value that others come before is judged too", () => {
  const file = fileOf("server: {port: a}\nclient: {pingSeconds: 1}");
  const env = { BELFRY_SERVER_PORT: "b", BELFRY_X: "" };
  const flags = { server: { port: "c" } } as unknown as PartialConfig;
  assert.deepEqual(
    mistakesOf({ file, env, flags }).map((line) => line.split(";")[0]),
    [
      'server.port: "a" (FILE.yaml, line 1)',
      "BELFRY_X: there is no such key (environment)",
      'server.port: "b" (environment variable BELFRY_SERVER_PORT, as JSON)',
      'server.port: "c" (a flag)',
      "client.pongSeconds: 8 (default)",
    ],
  );
});

test("config: whatever is given, it is a configuration or a BELFRY_BAD_OPTION, and no prototype changes", () => {
  const name = fc.oneof(
    fc.constantFrom(...keysOf(configSchema).map(({ path }) => path.slice(path.lastIndexOf(".") + 1)), "__proto__"),
    fc.string(),
  );
  const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof(
      { depthSize: "small" },
      fc.oneof(fc.boolean(), fc.double(), fc.integer(), fc.string(), fc.constant(null), fc.constant(undefined)),
      fc.array(tie("tree"), { maxLength: 3 }),
      fc.array(fc.tuple(name, tie("tree")), { maxLength: 5 }).map((entries) => Object.fromEntries(entries)),
    ),
  }));
  fc.assert(
    fc.property(tree, (flags) => {
      mistakesOf({ flags: flags as PartialConfig });
      assert.equal(Object.keys(Object.prototype).length, 0);
    }),
    { numRuns: 500 },
  );
});

test("config: the nearest name is that with the fewest mistakes, if they are few", () => {
  const letters = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 6 });
  fc.assert(
    fc.property(letters, fc.array(letters, { maxLength: 6 }), (word, candidates) => {
      const counted = candidates.map((name) => ({ name, count: naiveDistance(word, name) }));
      const few = counted.filter(({ name, count }) => count <= 1 && count < name.length);
      const fewest = Math.min(...few.map(({ count }) => count));
      assert.equal(nearest(word, candidates), few.find(({ count }) => count === fewest)?.name);
    }),
  );
  assert.equal(nearest("ALLOW_ANON-ymous", ["allowAnonymous"]), "allowAnonymous");
  // A quarter of a long name may be wrong.
  assert.equal(nearest("allowSubscribeForUser", ["allowSubscribeForClient"]), "allowSubscribeForClient");
  assert.equal(nearest("allowPublishForUser", ["allowSubscribeForClient"]), undefined);
});

/** Letters that are mistyped, missing, surplus, or swapped with their neighbour. */
function naiveDistance(a: string, b: string): number {
  if (a === "" || b === "") return a.length + b.length;
  const changed = naiveDistance(a.slice(1), b.slice(1)) + (a[0] === b[0] ? 0 : 1);
  const ways = [changed, naiveDistance(a.slice(1), b) + 1, naiveDistance(a, b.slice(1)) + 1];
  if (a.length > 1 && b.length > 1 && a[0] === b[1] && a[1] === b[0])
    ways.push(naiveDistance(a.slice(2), b.slice(2)) + 1);
  return Math.min(...ways);
}

const bin = fileURLToPath(new URL("../../bin/belfry.js", import.meta.url));

function belfryConfig(args: string[], env: Record<string, string> = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, "config", ...args], {
    env: { PATH: process.env["PATH"], ...env },
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

test("belfry config --defaults prints the defaults", () => {
  assert.deepEqual(belfryConfig(["--defaults"]), { status: 0, stdout: printDefaults(), stderr: "" });
});

test("belfry config --check says ok, or all mistakes with exit code 1", () => {
  const good = fileOf("server: {port: 1}");
  assert.deepEqual(belfryConfig(["--check", good]), { status: 0, stdout: `${good}: ok\n`, stderr: "" });
  const bad = fileOf("server: {port: x}\nclients: {}");
  assert.deepEqual(belfryConfig(["--check", bad]), {
    status: 1,
    stdout: "",
    stderr:
      "the configuration has 2 mistakes:\n" +
      `  clients: there is no such key (${bad}, line 2); did you mean client?\n` +
      `  server.port: "x" (${bad}, line 1); allowed is a whole number from 0 to 65535\n`,
  });
  assert.equal(belfryConfig(["--check"]).stdout, "environment: ok\n");
  assert.equal(belfryConfig(["--check"], { BELFRY_X: "1" }).status, 1);
});

test("belfry config prints what holds and where it came from, without secrets", () => {
  const file = fileOf("server:\n  port: 1\napi:\n  keys:\n    - {key: hidden, scopes: [read]}\n");
  const { status, stdout } = belfryConfig([file], {
    BELFRY_TOKEN_HMAC_SECRET: "hidden",
    BELFRY_CLIENT_ALLOW_ANONYMOUS: "true",
  });
  assert.equal(status, 0);
  assert.ok(!stdout.includes("hidden"));
  assert.ok(stdout.includes(`  port: 1 # ${file}, line 2\n`));
  assert.ok(stdout.includes('  hmacSecret: "***" # environment variable BELFRY_TOKEN_HMAC_SECRET\n'));
  assert.ok(stdout.includes(`  # ${file}, line 4\n  keys:\n    - key: "***"\n`));
  const shown = { client: { ...defaults.client, allowAnonymous: true }, server: { ...defaults.server, port: 1 } };
  const secrets = {
    token: { ...defaults.token, hmacSecret: "***" },
    api: { ...defaults.api, keys: [{ key: "***", name: "", scopes: ["read"] }] },
  };
  assert.deepEqual(parse(stdout), { ...defaults, ...shown, ...secrets });
});

test("belfry config --help teaches by example", () => {
  const { stdout } = belfryConfig(["--help"]);
  for (const example of ["--defaults > belfry.yaml", "--check belfry.yaml", "allowSubscribeForClient: true"])
    assert.ok(stdout.includes(example), example);
  const yaml = stdout.slice(stdout.indexOf("A small file:") + "A small file:".length).replaceAll(/^ {2}/gm, "");
  assert.equal(loadConfig({ env: {}, file: fileOf(yaml) }).channel.namespaces["news"]?.historySize, 100);
});
