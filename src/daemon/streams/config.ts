import * as v from "valibot";
import { isPattern } from "../../bus/subjects.ts";
import { ApiError } from "./api-error.ts";
import { isMapping } from "./republish.ts";

const MINUTE_NS = 60_000_000_000;

const whole = v.pipe(v.number(), v.integer());
const pattern = v.pipe(v.string(), v.check(isPattern));
/** -1 and 0 are no bound. */
const bound = v.optional(whole, -1);

/** What of a stream's configuration this Bus knows (JetStream, `StreamConfig`); the rest is kept, and does nothing. */
const streamConfig = v.looseObject({
  name: v.pipe(v.string(), v.regex(/^[^\s.*>\\/]+$/)),
  subjects: v.optional(v.array(pattern)),
  max_msgs: bound,
  max_bytes: bound,
  max_msgs_per_subject: bound,
  /** Nanoseconds; 0 for ever. */
  max_age: v.optional(whole, 0),
  max_msg_size: bound,
  duplicate_window: v.optional(whole),
  allow_direct: v.optional(v.boolean(), false),
  allow_rollup_hdrs: v.optional(v.boolean(), false),
  deny_purge: v.optional(v.boolean(), false),
  deny_delete: v.optional(v.boolean(), false),
  retention: v.optional(v.literal("limits"), "limits"),
  discard: v.optional(v.literal("old"), "old"),
  storage: v.optional(v.picklist(["memory", "file"]), "file"),
  num_replicas: v.optional(v.literal(1), 1),
  republish: v.optional(
    v.pipe(
      v.object({ src: v.optional(pattern, ">"), dest: pattern, headers_only: v.optional(v.boolean(), false) }),
      v.check(({ src, dest }) => isMapping(src, dest)),
    ),
  ),
});

/** A stream's configuration, with its defaults. */
export type StreamConfig = v.InferOutput<typeof streamConfig> & {
  readonly subjects: readonly string[];
  readonly duplicate_window: number;
};

/** Reads a configuration. Throws ApiError 10025 that names the field. */
export function readConfig(value: unknown, name: string): StreamConfig {
  const parsed = v.safeParse(streamConfig, value);
  if (!parsed.success) {
    const [issue] = parsed.issues;
    const path = v.getDotPath(issue) ?? "the configuration";
    throw new ApiError(400, 10_025, `invalid stream configuration: ${path}: ${issue.message}`);
  }
  const config = parsed.output;
  if (config.name !== name) throw new ApiError(400, 10_056, "stream name in subject does not match request");
  const { max_age, subjects = [name] } = config;
  const window = config.duplicate_window ?? (max_age > 0 ? Math.min(max_age, 2 * MINUTE_NS) : 2 * MINUTE_NS);
  return { ...config, subjects, duplicate_window: window };
}
