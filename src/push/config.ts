import * as v from "valibot";
import { BelfryError } from "../errors.ts";
import { fromEnvironment } from "./config/environment.ts";
import { fromFile } from "./config/file.ts";
import { type Clash, clashesOf } from "./config/needs.ts";
import { read, sentence, shown } from "./config/read.ts";
import { type Config, configSchema, type PartialConfig } from "./config/schema.ts";
import { leavesOf, schemaAt } from "./config/shape.ts";
import { fromFlags, type Source } from "./config/source.ts";
import { type Path, put, valueAt } from "./config/tree.ts";

export { printConfig, printDefaults } from "./config/print.ts";
export type { Config, PartialConfig } from "./config/schema.ts";

/** Where a configuration comes from, the strongest last. */
export interface ConfigSources {
  /** A file of YAML, or of JSON if its name ends with `.json`. */
  readonly file?: string | undefined;
  /** `process.env`: all variables that begin with BELFRY_ are looked at. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What flags of the command line say. */
  readonly flags?: PartialConfig | undefined;
}

/** A configuration, and where each value came from. */
export interface LoadedConfig {
  readonly config: Config;
  /** `belfry.yaml, line 3` say, for the value at a path; "default" for one that nobody has set. */
  where(path: Path): string;
}

/**
 * The configuration of `belfry serve`: flags before environment before file before defaults, key by key; a list, and
 * what stands by name, is taken as a whole. Throws BELFRY_BAD_OPTION that tells all mistakes, a line for each: the key,
 * its value unless that is secret, where it came from, and what is allowed.
 */
export function loadConfig(sources: ConfigSources): Config {
  return loadConfigWithOrigins(sources).config;
}

/** The same, with where each value came from. */
export function loadConfigWithOrigins({ file, env, flags = {} }: ConfigSources): LoadedConfig {
  const leaves = leavesOf(configSchema);
  const sources = [...(file === undefined ? [] : [fromFile(file)]), fromEnvironment(leaves, env), fromFlags(flags)];
  const tree: Record<string, unknown> = {};
  const origins = new Map<string, Source>();
  const faulty = new Set<string>();
  const mistakes: string[] = [];
  for (const source of sources) {
    mistakes.push(...source.mistakes);
    const given = read(configSchema, source.tree, [], (fault) => {
      faulty.add(fault.path.join("."));
      mistakes.push(sentence(fault, source.where(fault.path)));
    });
    for (const leaf of leaves) {
      const value = valueAt(given, leaf.path);
      if (value === undefined) continue;
      put(tree, leaf.path, value);
      origins.set(leaf.path.join("."), source);
    }
  }
  const config = v.parse(configSchema, tree);
  const where = (path: Path) => {
    const leaf = leaves.find((leaf) => leaf.path.every((step, i) => step === path[i]));
    return origins.get(leaf?.path.join(".") ?? "")?.where(path) ?? "default";
  };
  const isHeld = (path: Path) => !path.some((_, i) => faulty.has(path.slice(0, i + 1).join(".")));
  const clashes = sources.some((source) => source.tree === undefined) ? [] : clashesOf(config);
  for (const clash of clashes) {
    // What is compared with a value that was refused may well fit the right one; so with a source that is not known.
    if ([clash.path, ...clash.others].every(isHeld)) mistakes.push(sentenceOf(clash, config, where));
  }
  if (mistakes.length === 0) return { config, where };
  const count = mistakes.length === 1 ? "a mistake" : `${mistakes.length} mistakes`;
  throw new BelfryError("BELFRY_BAD_OPTION", [`the configuration has ${count}:`, ...mistakes].join("\n  "));
}

function sentenceOf({ path, hint }: Clash, config: Config, where: (path: Path) => string): string {
  return sentence({ path, fault: shown(schemaAt(configSchema, path), valueAt(config, path)), hint }, where(path));
}
