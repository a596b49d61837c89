import { z } from "zod";
import { Problem } from "./schemas.ts";

const problemContent = { "application/problem+json": { schema: Problem } };

/** The documented failures of a route, by HTTP status. */
export function problems<Status extends number>(
  ...list: [Status, string][]
): Record<Status, { description: string; content: typeof problemContent }> {
  const entries = list.map(([status, description]) => [status, { description, content: problemContent }]);
  return Object.fromEntries(entries) as Record<
    Status,
    { description: string; content: typeof problemContent }
  >;
}

export function json<Schema extends z.ZodType>(description: string, schema: Schema) {
  return { description, content: { "application/json": { schema } } };
}

/** A response without a body. */
export function empty(description: string) {
  return z.undefined().describe(description);
}
