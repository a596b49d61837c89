import { readFileSync, writeFileSync } from "node:fs";
import openapiTS, { astToString, type OpenAPI3 } from "openapi-typescript";

const source = new URL("../../daemon/openapi.json", import.meta.url);
const target = new URL("./api.gen.ts", import.meta.url);

/** The text that api.gen.ts must have. */
export async function clientTypes(): Promise<string> {
  const document: OpenAPI3 = JSON.parse(readFileSync(source, "utf8"));
  // A property with a default may be left out of a request.
  const types = await openapiTS(document, { defaultNonNullable: false });
  return `// Generated from packages/daemon/openapi.json by generate.ts.\n\n${astToString(types)}`;
}

if (import.meta.main) writeFileSync(target, await clientTypes());
