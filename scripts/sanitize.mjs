// Runs the tests of the addon, and the files named on the command line, with netpoll.c under AddressSanitizer and
// UndefinedBehaviorSanitizer (Linux; `npm run build` first). The sanitizers write what they find to files, which are read at
// the end: an access out of bounds and undefined behaviour end the process that does it, a leak is told when it exits.
// Node and V8 leak on purpose at exit; a leak counts here only when netpoll is on its stack. (A suppressions file cannot
// say that: every call of netpoll has frames of Node below it, so to suppress those would hide netpoll's leaks as well.)
// Node's own wrapper of an external value is freed only when that is collected, which the exit does not wait for.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = join(root, "build-sanitize");
const addon = join(folder, "netpoll.node");
// Another source can be tried, to see that a planted fault is found.
const source = resolve(root, process.env.BELFRY_NETPOLL_C ?? "native/netpoll.c");
const cc = process.env.CC ?? "cc";

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder);
build();
const status = test();
const findings = readFindings();
for (const finding of findings) console.error(finding);
if (status !== 0)
  stop(`the tests ended with status ${status}${findings.length ? ", and the sanitizers found the above" : ""}`);
if (findings.length > 0) stop(`the sanitizers found ${findings.length} fault(s) in netpoll`);
console.log("sanitize: the tests pass and the sanitizers found nothing");

function build() {
  const probe = join(folder, "probe.c");
  writeFileSync(probe, "int probe(int *a) { return a[1]; }\n");
  const flags = "-g -O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer".split(
    " ",
  );
  flags.push(..."-Wall -Wextra -Werror -shared -fPIC -DNAPI_VERSION=9".split(" "));
  const { status, stderr } = run([...flags, probe, "-o", join(folder, "probe.so")]);
  if (status !== 0) stop(`the compiler ${cc} cannot build with -fsanitize=address,undefined: ${stderr.trim()}`);
  const built = run([...flags, `-I${headers()}`, source, "-o", addon]);
  if (built.status !== 0) stop(`${source} does not compile:\n${built.stderr}`);
}

/** The folder of Node's headers: where npm was told, beside this Node, where Debian has them, or where node-gyp keeps them. */
function headers() {
  const cached =
    process.env.npm_config_devdir ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "node-gyp");
  const nodedir = process.env.npm_config_nodedir;
  const folders = [
    ...(nodedir ? [join(nodedir, "include/node")] : []),
    resolve(dirname(process.execPath), "../include/node"),
    "/usr/include/node",
    join(cached, process.versions.node, "include/node"),
  ];
  const found = folders.find((path) => existsSync(join(path, "node_api.h")) && existsSync(join(path, "uv.h")));
  return found ?? stop(`node_api.h and uv.h are in none of ${folders.join(", ")}`);
}

function test() {
  const runtime = run(["-print-file-name=libasan.so"]).stdout.trim();
  // A compiler without the library gives the bare name back.
  if (!runtime.includes("/")) stop(`the compiler ${cc} has no libasan.so to preload`);
  const files = [join(root, "dist/test/netpoll.test.js"), ...process.argv.slice(2)];
  const missing = files.find((file) => !existsSync(file));
  if (missing) stop(`${missing} is not there; run \`npm run build\` first`);
  const options = `log_path=${join(folder, "found")}`;
  const env = {
    ...process.env,
    LD_PRELOAD: runtime,
    BELFRY_ADDON: addon,
    ASAN_OPTIONS: `detect_leaks=1:${options}`,
    LSAN_OPTIONS: "exitcode=0",
    UBSAN_OPTIONS: `print_stacktrace=1:${options}`,
  };
  return spawnSync(process.execPath, ["--test", ...files], { cwd: root, env, stdio: "inherit" }).status;
}

/** What the sanitizers wrote: each error whole, and of the leaks those with netpoll on their stack. */
function readFindings() {
  return readdirSync(folder)
    .filter((name) => name.startsWith("found"))
    .flatMap((name) => {
      const text = readFileSync(join(folder, name), "utf8");
      const leaks = text.split(/\n\n+/).filter((part) => /^(Direct|Indirect) leak/m.test(part));
      const faulty = /ERROR: AddressSanitizer|runtime error:|LeakSanitizer has encountered/.test(text);
      return faulty
        ? [text]
        : leaks.filter(
            (leak) =>
              (leak.includes(source) || leak.includes(addon)) && !/^ +#1 .* in napi_create_external/m.test(leak),
          );
    });
}

function run(args) {
  const result = spawnSync(cc, args, { encoding: "utf8" });
  if (result.error) stop(`the compiler ${cc} does not start: ${result.error.message}`);
  return result;
}

function stop(why) {
  console.error(`sanitize: ${why}`);
  process.exit(1);
}
