// Writes the files that follow from the sources: error codes, config keys, OpenAPI document, client types.
import { writeFileSync } from "node:fs";
import { apiFiles } from "./gen-api.ts";
import "./gen-config-docs.ts";
import "./gen-error-docs.ts";

for (const { file, text } of await apiFiles()) writeFileSync(file, text);
