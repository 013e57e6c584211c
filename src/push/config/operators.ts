import * as v from "valibot";
import { limits } from "../../limits.ts";
import { key, seconds, yesOrNo } from "./words.ts";

/** To whom the metrics are told. */
export const metrics = v.strictObject({
  enabled: key(yesOrNo, false, "Answers GET /metrics on the port of the clients, for everybody who reaches it."),
});

/** How it is told whether the server is well. */
export const health = v.strictObject({
  enabled: key(
    yesOrNo,
    false,
    "Answers GET /healthz and GET /readyz on the port of the clients, for everybody who reaches it.",
  ),
  secondsMax: key(
    seconds(0.05, 600),
    limits.healthSecondsMax,
    "How long a notification of a health check may take to arrive: 503 beyond.",
  ),
});
