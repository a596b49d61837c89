export interface OutputOptions {
  output: "table" | "json";
}

export function print(text: string): void {
  process.stdout.write(text.endsWith("\n") ? text : `${text}\n`);
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}

/** Columns as wide as their widest cell, two blanks between, no trailing blanks. */
export function table(header: string[], rows: string[][]): string {
  const all = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...all.map((row) => (row[column] ?? "").length)));
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** `name  value` lines; absent values are left out. */
export function properties(values: Record<string, string | number | undefined>): string {
  const present = Object.entries(values).filter(([, value]) => value !== undefined);
  const width = Math.max(...present.map(([key]) => key.length));
  return present.map(([key, value]) => `${key.padEnd(width)}  ${value}`).join("\n");
}

/** Stage timings as one line: `inspect 12.3 ms, plan 0.4 ms, total 12.7 ms`. */
export function formatTimings(stages: { name: string; ms: number }[]): string {
  const total = stages.reduce((sum, { ms }) => sum + ms, 0);
  return [...stages, { name: "total", ms: total }]
    .map(({ name, ms }) => `${name} ${ms.toFixed(1)} ms`)
    .join(", ");
}
