// uWebSockets.js is built against glibc 2.38. Of that version it uses three functions, which are older ones under new names;
// so where glibc is older, a copy of the binary is marked to do without the version, and the three are preloaded.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const VERSION = "GLIBC_2.38";
/** VER_FLG_WEAK: the loader goes on where the version is missing. */
const WEAK = 2;
const SOURCE = `#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
long __isoc23_strtol(const char *text, char **end, int base) { return strtol(text, end, base); }
unsigned long __isoc23_strtoul(const char *text, char **end, int base) { return strtoul(text, end, base); }
int __isoc23_sscanf(const char *text, const char *format, ...) {
  va_list list;
  va_start(list, format);
  int read = vsscanf(text, format, list);
  va_end(list);
  return read;
}
`;

/** The environment that uws.mjs is to be started with; files that it needs go to a folder. Throws with the reason why not. */
export function uwsEnvironment(folder) {
  const home = dirname(createRequire(import.meta.url).resolve("@btc-vision/uwebsockets.js"));
  const { platform, arch, versions } = process;
  const original = join(home, `uws_${platform}_${arch}_${versions.modules}.node`);
  const plain = { UWS_BINARY: original };
  const reason = whyNot(plain);
  if (reason === "") return plain;
  if (!reason.includes(VERSION)) throw new Error(reason);
  mkdirSync(folder, { recursive: true });
  const shimmed = { UWS_BINARY: join(folder, "uws.node"), LD_PRELOAD: join(folder, "uws-shim.so") };
  writeFileSync(shimmed.UWS_BINARY, withoutVersion(readFileSync(original)));
  const compiler = ["-shared", "-fPIC", "-O2", "-fno-builtin", "-x", "c", "-o", shimmed.LD_PRELOAD, "-"];
  execFileSync("cc", compiler, { input: SOURCE });
  const still = whyNot(shimmed);
  if (still !== "") throw new Error(still);
  return shimmed;
}

/** Why a process cannot load it; "" when it can. */
function whyNot(environment) {
  const load = "process.dlopen({ exports: {} }, process.env.UWS_BINARY)";
  const { status, stderr } = spawnSync(process.execPath, ["-e", load], {
    env: { ...process.env, ...environment },
    encoding: "utf8",
  });
  return status === 0 ? "" : (/^Error: .*/m.exec(stderr)?.[0] ?? stderr.trim());
}

/** The needs of a version are records of Elf64_Vernaux: a hash of its name, flags, a small number, … */
function withoutVersion(image) {
  const hash = elfHash(VERSION);
  for (let at = 0; at + 8 <= image.length; at += 4) {
    const isNeed =
      image.readUInt32LE(at) === hash && image.readUInt16LE(at + 4) === 0 && image.readUInt16LE(at + 6) < 64;
    if (isNeed) image.writeUInt16LE(WEAK, at + 4);
  }
  return image;
}

/** The hash of a symbol's name, System V ABI. */
function elfHash(name) {
  let hash = 0;
  for (const byte of Buffer.from(name)) {
    hash = ((hash << 4) + byte) >>> 0;
    const high = hash & 0xf0000000;
    hash = (hash ^ (high >>> 24)) & ~high;
  }
  return hash >>> 0;
}
