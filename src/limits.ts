xport const limits = {
  ...connectionLimits,
  ...admissionLimits,
  ...pushLimits,
  ...busLimits,
  ...processLimits,
} as const;
