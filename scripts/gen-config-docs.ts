// Renews the tables of docs/guest-config.md from the schema: npm run generate
import { readFileSync, writeFileSync } from "node:fs";
import { fillConfigReference } from "@pvh/builder";

const file = new URL("../docs/guest-config.md", import.meta.url);
writeFileSync(file, fillConfigReference(readFileSync(file, "utf8")));
