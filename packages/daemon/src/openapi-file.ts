import { writeFileSync } from "node:fs";
import { openApiDocument } from "./openapi-document.ts";

// Run this after a change of the API; packages/client/src/generate.ts then makes the client's types of it.
writeFileSync(new URL("../openapi.json", import.meta.url), await openApiDocument());
