import { admissionLimits } from "./limits/admission.ts";
import { busLimits } from "./limits/bus.ts";
import { connectionLimits } from "./limits/connection.ts";
import { doctorLimits } from "./limits/doctor.ts";
import { loadLimits } from "./limits/load.ts";
import { processLimits } from "./limits/processes.ts";
import { pushLimits } from "./limits/push.ts";

/**
 * Every bound of Belfry: each queue, loop and size has one, with its unit last in its name and its reason. An option of
 * the same name changes it, where it is an option; the others are properties of the implementation.
 */
export const limits = {
  ...connectionLimits,
  ...admissionLimits,
  ...pushLimits,
  ...busLimits,
  ...processLimits,
  ...loadLimits,
  ...doctorLimits,
} as const;
