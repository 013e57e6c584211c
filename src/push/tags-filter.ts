import { limits } from "../limits.ts";
import { isObject, ReplyError } from "./protocol.ts";

/** What a publication is tagged with. */
export type Tags = Readonly<Record<string, string>>;

type Predicate = (tags: Tags | undefined) => boolean;

/** Which publications of a channel a subscriber wants, by their tags. */
export interface TagsFilter {
  /** The filter as JSON text, without what says nothing: equal texts are equal filters. */
  readonly text: string;
  readonly matches: Predicate;
}

const { tagsFilterBytesMax, tagsFilterDepthMax, tagsFilterNodesMax } = limits;

/**
 * Reads and compiles the `tf` of a subscribe command, a FilterNode of Centrifugo's protocol (PROTOCOL.md, "Filters").
 * Throws 107 for one that is malformed, or over a limit.
 */
export function readTagsFilter(value: unknown): TagsFilter {
  const node = new Reader().read(value, 1);
  const text = JSON.stringify(node);
  if (Buffer.byteLength(text) > tagsFilterBytesMax) {
    throw bad(`it is longer than tagsFilterBytesMax, ${tagsFilterBytesMax} bytes`);
  }
  return { text, matches: compile(node) };
}

// ---- Reading -------------------------------------------------------------------------------------------------------

interface Leaf {
  readonly cmp: Comparison;
  readonly key: string;
  readonly val: string;
  readonly vals: readonly string[];
}

interface Branch {
  readonly op: "and" | "or" | "not";
  readonly nodes: readonly FilterNode[];
}

type FilterNode = Leaf | Branch;

/** Takes of each node what its kind has; what else stands there says nothing. */
class Reader {
  #nodes = 0;

  read(value: unknown, depth: number): FilterNode {
    if (!isObject(value)) throw bad("a node is an object");
    if (depth > tagsFilterDepthMax) throw bad(`it nests deeper than tagsFilterDepthMax, ${tagsFilterDepthMax} levels`);
    if (++this.#nodes > tagsFilterNodesMax) {
      throw bad(`it has more nodes than tagsFilterNodesMax, ${tagsFilterNodesMax}`);
    }
    const { op = "", nodes = [] } = value;
    if (op === "" || op === null) return leafOf(value);
    if (op !== "and" && op !== "or" && op !== "not") throw bad('op is "", "and", "or" or "not"');
    if (!Array.isArray(nodes) || nodes.length === 0) throw bad(`"${op}" needs nodes`);
    if (op === "not" && nodes.length > 1) throw bad('"not" has one node');
    return { op, nodes: nodes.map((node) => this.read(node, depth + 1)) };
  }
}

function leafOf(value: Readonly<Record<string, unknown>>): Leaf {
  const { cmp } = value;
  if (typeof cmp !== "string" || !Object.hasOwn(comparisons, cmp)) {
    throw bad(`cmp is one of ${Object.keys(comparisons).join(", ")}`);
  }
  const key = value["key"] ?? "";
  const val = value["val"] ?? "";
  const vals = value["vals"] ?? [];
  if (typeof key !== "string" || typeof val !== "string" || !isTexts(vals)) throw bad("key, val and vals are texts");
  const isExistence = cmp === "ex" || cmp === "nex";
  const isList = cmp === "in" || cmp === "nin";
  if (key === "" && !isExistence) throw bad(`"${cmp}" needs a key`);
  if ((val !== "") === (isList || isExistence)) throw bad(`"${cmp}" ${val === "" ? "needs a val" : "has no val"}`);
  if (vals.length > 0 !== isList) throw bad(`"${cmp}" ${isList ? "needs vals" : "has no vals"}`);
  return { cmp: cmp as Comparison, key, val, vals };
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === "string");
}

function bad(what: string): ReplyError {
  return new ReplyError(107, `bad request: tf: ${what}`);
}

// ---- Compiling -----------------------------------------------------------------------------------------------------

function compile(node: FilterNode): Predicate {
  if (!("op" in node)) return comparisons[node.cmp](node);
  const all = node.nodes.map(compile);
  if (node.op === "and") return (tags) => all.every((matches) => matches(tags));
  if (node.op === "or") return (tags) => all.some((matches) => matches(tags));
  return (tags) => !all.some((matches) => matches(tags));
}

/** By their names: a tag that is missing is unequal to everything, and in a list that holds "". */
const comparisons = {
  eq: ({ key, val }: Leaf): Predicate => {
    return (tags) => tagOf(tags, key) === val;
  },
  neq: ({ key, val }: Leaf): Predicate => {
    return (tags) => tagOf(tags, key) !== val;
  },
  in: ({ key, vals }: Leaf): Predicate => {
    const set = new Set(vals);
    return (tags) => set.has(tagOf(tags, key) ?? "");
  },
  nin: ({ key, vals }: Leaf): Predicate => {
    const set = new Set(vals);
    return (tags) => !set.has(tagOf(tags, key) ?? "");
  },
  ex: ({ key }: Leaf): Predicate => {
    return (tags) => tagOf(tags, key) !== undefined;
  },
  nex: ({ key }: Leaf): Predicate => {
    return (tags) => tagOf(tags, key) === undefined;
  },
  sw: ({ key, val }: Leaf): Predicate => {
    return (tags) => tagOf(tags, key)?.startsWith(val) ?? false;
  },
  ew: ({ key, val }: Leaf): Predicate => {
    return (tags) => tagOf(tags, key)?.endsWith(val) ?? false;
  },
  ct: ({ key, val }: Leaf): Predicate => {
    return (tags) => tagOf(tags, key)?.includes(val) ?? false;
  },
  lt: byNumber((tag, val) => tag < val),
  lte: byNumber((tag, val) => tag <= val),
  gt: byNumber((tag, val) => tag > val),
  gte: byNumber((tag, val) => tag >= val),
} as const;

type Comparison = keyof typeof comparisons;

/** What is no number is neither less nor greater. */
function byNumber(holds: (tag: bigint, val: bigint) => boolean): (leaf: Leaf) => Predicate {
  return ({ key, val }) => {
    const than = decimal(val);
    return (tags) => {
      const tag = than === undefined ? undefined : decimal(tagOf(tags, key) ?? "");
      return tag !== undefined && than !== undefined && holds(tag, than);
    };
  };
}

const DIGITS = 19;

/** A decimal number times 10^19, so that it is exact; undefined for another text, or more digits behind the point. */
function decimal(text: string): bigint | undefined {
  const [, sign, whole, fraction = ""] = /^([-+]?)(\d+)(?:\.(\d+))?$/.exec(text) ?? [];
  if (whole === undefined || fraction.length > DIGITS) return undefined;
  const value = BigInt(whole + fraction.padEnd(DIGITS, "0"));
  return sign === "-" ? -value : value;
}

/** Tags are the application's names: one may be called as what every object has. */
function tagOf(tags: Tags | undefined, key: string): string | undefined {
  return tags && Object.hasOwn(tags, key) ? tags[key] : undefined;
}
