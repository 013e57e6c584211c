import type { Endpoint } from "./endpoint.ts";
import { ERROR_MODE_HEADER, errorSchema } from "./error-mode.ts";
import { type JsonSchema, jsonSchemaOf } from "./schema.ts";

/** Where the document is. */
export const OPENAPI_PATH = "/api/openapi.json";

const ERROR = { $ref: "#/components/schemas/Error" };

/** The HTTP API as an OpenAPI 3.1 document, made of the endpoints that it serves. */
export function openApi(endpoints: readonly Endpoint[]): JsonSchema {
  return {
    openapi: "3.1.0",
    info: {
      title: "Belfry's HTTP API",
      version: "1.0.0",
      description:
        "What back ends may do, as in Centrifugo's HTTP API. Unknown fields are ignored; null is an absent field.",
    },
    security: [{ header: [] }, { authorization: [] }, { query: [] }],
    paths: Object.fromEntries(endpoints.map((endpoint) => [endpoint.path, { post: operationOf(endpoint) }])),
    components: {
      schemas: { Error: jsonSchemaOf(errorSchema) },
      responses: { Refused: { description: REFUSED, ...json(ERROR) } },
      securitySchemes: {
        header: { type: "apiKey", in: "header", name: "X-API-Key" },
        authorization: { type: "apiKey", in: "header", name: "Authorization", description: "apikey, a space, the key" },
        query: { type: "apiKey", in: "query", name: "api_key" },
      },
    },
  };
}

const REFUSED =
  `400 the body is not JSON, 401 no key, 403 a key without the scope, 404 no such method, 413 too large a body.
With ${ERROR_MODE_HEADER} also the protocol's errors: 400 (106, 107, 108), 403 (103), 404 (102, 104), 409 (113), 416 (112),
429 (111), 500 (all others).`.replaceAll("\n", " ");

function operationOf({ path, summary, needs, request, answer, example }: Endpoint): JsonSchema {
  const failed = { type: "object", properties: { error: ERROR }, required: ["error"] };
  const answered = json({ anyOf: [jsonSchemaOf(answer), failed] }, example.result);
  return {
    operationId: path === "/api" ? "call" : path.slice("/api/".length),
    summary,
    description: `The key needs ${needs}.`,
    parameters: [{ name: ERROR_MODE_HEADER, in: "header", schema: { const: "transport" } }],
    requestBody: { required: true, ...json(jsonSchemaOf(request), example.request) },
    responses: {
      200: { description: "Done; or an error of the protocol's", ...answered },
      default: { $ref: "#/components/responses/Refused" },
    },
  };
}

function json(schema: JsonSchema, example?: unknown): JsonSchema {
  return { content: { "application/json": { schema, ...(example === undefined ? {} : { example }) } } };
}
