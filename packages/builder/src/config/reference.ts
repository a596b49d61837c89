import { type BackendRule, backendNames, backendRules } from "./backend-keys.ts";
import { diskKind } from "./disk.ts";
import { guestConfigKeys } from "./guest-config.ts";
import type { DescribedKey } from "./key.ts";
import { type KeyStanding, knownKeys } from "./known-keys.ts";
import { vifKind } from "./vif.ts";

/**
 * Fills the generated sections of the config reference: what stands between `<!-- NAME:begin -->` and
 * `<!-- NAME:end -->` is replaced by the tables of keys.
 */
export function fillConfigReference(markdown: string): string {
  let filled = markdown;
  for (const [name, section] of Object.entries(sections())) {
    const begin = `<!-- ${name}:begin -->\n`;
    const end = `<!-- ${name}:end -->`;
    const from = filled.indexOf(begin);
    const to = filled.indexOf(end);
    if (from < 0 || to < from) throw new Error(`the config reference has no section ${name}`);
    filled = `${filled.slice(0, from + begin.length)}\n${section}\n\n${filled.slice(to)}`;
  }
  return filled;
}

function sections(): Record<string, string> {
  return {
    keys: keyTable("key", guestConfigKeys),
    backends: backendTable(),
    disk: keyTable("option", diskKind.keys),
    vif: keyTable("option", vifKind.keys),
    planned: plannedTable(),
    foreign: foreignTable(),
  };
}

function keyTable(heading: string, keys: readonly DescribedKey[]): string {
  return table(
    [heading, "type", "default", "meaning", "values"],
    keys.map((key) => [`\`${key.name}\``, key.type, defaultText(key), key.meaning, key.allowed]),
  );
}

function defaultText(key: DescribedKey): string {
  if (key.required) return "required";
  if (key.default !== undefined) return `\`${JSON.stringify(key.default)}\``;
  return key.absent ?? "none";
}

/** What is not for every backend, in the words of the refusals. */
function backendTable(): string {
  return table(
    ["keys", "values", "backend", "because the other one"],
    backendRules.map((rule) => [
      names(rule.keys.map((name) => ({ name }))),
      rule.values?.map((value) => `\`${JSON.stringify(value)}\``).join(", ") ?? "all",
      takersOf(rule).join(", "),
      rule.why,
    ]),
  );
}

function takersOf({ refusedBy }: BackendRule): string[] {
  return backendNames.filter((name) => name !== refusedBy);
}

function plannedTable(): string {
  const abouts = [...new Set(ofStanding("planned").map(({ about }) => about))];
  return table(
    ["about", "keys"],
    abouts.map((about) => [about, names(ofStanding("planned").filter((key) => key.about === about))]),
  );
}

function foreignTable(): string {
  return table(
    ["why", "keys"],
    [
      ["only for HVM guests", names(ofStanding("hvm"))],
      ["only for PV guests", names(ofStanding("pv"))],
      ["only for guests on Arm", names(ofStanding("arm"))],
      ["options inside a device's text, no keys of their own", names(ofStanding("device-option"))],
      ["replaced by `type`", names(ofStanding("replaced"))],
    ],
  );
}

function ofStanding(standing: KeyStanding) {
  return knownKeys.filter((key) => key.standing === standing);
}

function names(keys: readonly { name: string }[]): string {
  return keys.map(({ name }) => `\`${name}\``).join(", ");
}

function table(head: string[], rows: string[][]): string {
  const line = (cells: string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "--")), ...rows.map(line)].join("\n");
}
