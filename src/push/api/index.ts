export { type ErrorMode, errorModes } from "./error-mode.ts";
export { type HttpApiParts, httpApi } from "./http-api.ts";
export { parseJson } from "./json-text.ts";
export { type ApiKey, type ApiScope, apiKeys, apiScopes, keysOf } from "./keys.ts";
