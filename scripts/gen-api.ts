// The OpenAPI document and the client's types. npm run generate writes them after a change of the API.
import { openApiDocument } from "@pvh/daemon";
import openapiTS, { astToString } from "openapi-typescript";

/** The files that follow from the API's routes and schemas. */
export async function apiFiles(): Promise<{ file: URL; text: string }[]> {
  const document = await openApiDocument();
  // A property with a default may be left out of a request.
  const types = await openapiTS(document, { defaultNonNullable: false });
  return [
    { file: new URL("../packages/daemon/openapi.json", import.meta.url), text: document },
    {
      file: new URL("../packages/client/src/api.gen.ts", import.meta.url),
      text: `// Generated from packages/daemon/openapi.json by scripts/gen-api.ts.\n\n${astToString(types)}`,
    },
  ];
}
