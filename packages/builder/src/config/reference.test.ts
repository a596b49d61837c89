import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { diskKind } from "./disk.ts";
import { endActions, guestConfigKeys } from "./guest-config.ts";
import { knownKeys } from "./known-keys.ts";
import { parseGuestConfig } from "./parse-guest-config.ts";
import { fillConfigReference } from "./reference.ts";
import { validateGuestConfig } from "./validate.ts";
import { vifKind } from "./vif.ts";

const docs = readFileSync(new URL("../../../../docs/guest-config.md", import.meta.url), "utf8");

function examples(language: string): string[] {
  return [...docs.matchAll(new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``, "g"))].map(
    (match) => match[1] ?? "",
  );
}

describe("docs/guest-config.md", () => {
  test("has the tables of the schema (renew them with: npm run generate)", () => {
    expect(docs).toBe(fillConfigReference(docs));
  });

  test("names every key once in the tables", () => {
    for (const { name } of [...guestConfigKeys, ...knownKeys]) expect(docs).toContain(`\`${name}\``);
  });

  test("names every option of a device once in the tables", () => {
    for (const { name } of [...diskKind.keys, ...vifKind.keys]) expect(docs).toContain(`| \`${name}\` |`);
  });

  test("has examples that work, and the two notations of those that have two are equal", () => {
    const files = examples("xl").map((text) => parseGuestConfig(text));
    const bodies = examples("json").map((text) => validateGuestConfig(JSON.parse(text)));
    expect(files).toHaveLength(3);
    expect(bodies).toEqual(files.slice(0, 2));
    expect(files[1]?.disk[1]?.target).toBe("/srv/data, old.img");
    expect(files[2]?.extra).toBe("console=hvc0 quiet");
  });

  test("says what each action does", () => {
    for (const action of endActions) expect(docs).toContain(`| \`${action}\` |`);
  });
});

test("a section that is missing is an error, not a silent omission", () => {
  expect(() => fillConfigReference("no sections")).toThrow(/no section keys/);
});
