import { z } from "zod";
import { Problem } from "./schemas.ts";

const problemContent = { "application/problem+json": { schema: Problem } };

export const IdParams = z.object({ id: z.string().describe("uuid, name or domid of the domain") });

/** For routes whose own readers judge the body, with better sentences than a schema can give. */
export const anyBody = () => (value: unknown) => ({ value });

export const defect: [500, string] = [500, "A defect of pvhd or of the host; `code` says which"];
export const notFound: [404, string] = [404, "There is no such domain"];

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
