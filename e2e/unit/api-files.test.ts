import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { apiFiles } from "../../scripts/gen-api.ts";

test("openapi.json and the client's types are what the API is (npm run generate renews them)", async () => {
  for (const { file, text } of await apiFiles()) expect(readFileSync(file, "utf8"), file.pathname).toBe(text);
});
