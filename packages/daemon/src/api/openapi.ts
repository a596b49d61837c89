import type { FastifyDynamicSwaggerOptions } from "@fastify/swagger";
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from "fastify-type-provider-zod";
import { z } from "zod";

type Override = NonNullable<NonNullable<Parameters<typeof z.toJSONSchema>[1]>["override"]>;

/** Leaves out what says the same as `format` or `integer`, at great length. */
const concise: Override = ({ jsonSchema, zodSchema }) => {
  // The word of @fastify/swagger for a response without a body.
  if (zodSchema instanceof z.ZodUndefined) jsonSchema.type = "null";
  if (jsonSchema.format === "date-time" || jsonSchema.format === "uuid") delete jsonSchema.pattern;
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
};

const schemas = { zodToJsonConfig: { override: concise } };
const withComponents = createJsonSchemaTransformObject(schemas);

export const openApiOptions: FastifyDynamicSwaggerOptions = {
  openapi: {
    openapi: "3.1.0",
    info: {
      title: "pvhd",
      version: "1",
      description: "Domains of the PVH kind on this host. Failures are RFC 9457 problem documents.",
    },
  },
  transform: createJsonSchemaTransform(schemas),
  transformObject: (document) => {
    const complete = withComponents(document);
    if ("components" in complete) prune(complete.components?.schemas ?? {}, complete.paths);
    return complete;
  },
};

/** Every schema is made for requests and for answers; most are used in one of them only. */
function prune(schemas: Record<string, unknown>, paths: unknown): void {
  const used = new Set<string>();
  const visit = (part: unknown): void => {
    for (const [, name = ""] of JSON.stringify(part ?? null).matchAll(/"#\/components\/schemas\/([^"/]+)/g)) {
      if (used.has(name)) continue;
      used.add(name);
      visit(schemas[name]);
    }
  };
  visit(paths);
  for (const name of Object.keys(schemas)) if (!used.has(name)) delete schemas[name];
}
