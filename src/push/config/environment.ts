import { nearest } from "./nearest.ts";
import { type Leaf, shapeOf } from "./shape.ts";
import type { Source } from "./source.ts";
import { put } from "./tree.ts";

const PREFIX = "BELFRY_";

/** Variables that others than the configuration look at: see netpoll/binding.ts. */
const others: readonly string[] = ["BELFRY_ADDON"];

/**
 * Variables that Kubernetes sets in every container for a Service whose name begins with "belfry", whether they are
 * wanted or not: BELFRY_SERVICE_HOST, BELFRY_PORT=tcp://10.0.0.1:8000, BELFRY_PORT_8000_TCP_ADDR, …
 */
function isServiceLink(name: string, value: string): boolean {
  if (/_SERVICE_(HOST|PORT(_\w+)?)$|_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/.test(name)) return true;
  return name.endsWith("_PORT") && /^(tcp|udp|sctp):\/\//.test(value);
}

/**
 * The configuration that environment variables make: each leaf by its path in upper case, BELFRY_CLIENT_ALLOW_ANONYMOUS
 * for client.allowAnonymous. What is no text is JSON: `true`, `8000`, `["https://example.com"]`.
 */
export function fromEnvironment(leaves: readonly Leaf[], env: Readonly<Record<string, string | undefined>>): Source {
  const byVariable = new Map(leaves.map((leaf) => [leaf.variable, leaf]));
  const tree: Record<string, unknown> = {};
  const mistakes: string[] = [];
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith(PREFIX) || value === undefined || others.includes(name) || isServiceLink(name, value))
      continue;
    const leaf = byVariable.get(name);
    if (leaf) put(tree, leaf.path, parsed(leaf, value));
    else mistakes.push(`${name}: there is no such key (environment); ${meant(name, [...byVariable.keys()])}`);
  }
  return {
    tree,
    where: (path) => {
      const leaf = leaves.find((leaf) => isBelow(path, leaf.path));
      return leaf ? `environment variable ${leaf.variable}${isText(leaf) ? "" : ", as JSON"}` : "environment";
    },
    mistakes,
  };
}

/** Text that is no JSON stays text, and is refused with the others that the schema does not allow. */
function parsed(leaf: Leaf, value: string): unknown {
  if (isText(leaf)) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

function isText({ schema }: Leaf): boolean {
  const shape = shapeOf(schema);
  return shape.kind === "value" && shape.isText;
}

function meant(name: string, variables: readonly string[]): string {
  const whole = variables.find((variable) => name.startsWith(`${variable}_`));
  if (whole) return `${whole} takes all of it, as JSON`;
  const near =
    nearest(name, variables) ?? variables.find((variable) => variable.endsWith(name.slice(PREFIX.length - 1)));
  return near ? `did you mean ${near}?` : "belfry config --defaults shows all keys";
}

function isBelow(path: readonly (string | number)[], above: readonly string[]): boolean {
  return above.every((step, i) => path[i] === step);
}
