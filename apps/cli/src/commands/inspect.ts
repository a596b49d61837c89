import { explainVerdict, type Kernel, type KernelReport, kernelReport } from "@pvh/builder";
import { readKernel } from "@pvh/kvm";
import { type OutputOptions, print, printJson, properties, table } from "../output.ts";

export async function inspect(file: string, { output }: OutputOptions): Promise<void> {
  const kernel = readKernel(file);
  const report = kernelReport(kernel);
  if (output === "json") printJson(report);
  else print(describe(file, kernel, report));
}

function describe(file: string, kernel: Kernel, { elf, notes, abis, ...report }: KernelReport): string {
  const verdict = (name: "direct" | "classic") =>
    abis[name].supported ? `yes, entry ${abis[name].entry}` : `no. ${explainVerdict(name, kernel[name])}`;
  const heading = properties({
    file,
    format: report.format,
    compression: report.compression,
    elf: `${elf.class}-bit ${elf.machine}, ${elf.size} bytes, loads at ${elf.start}..${elf.end}`,
    features: report.features.supported.join(" ") || "none",
    required: report.features.required.join(" ") || undefined,
    direct: verdict("direct"),
    classic: verdict("classic"),
  });
  const rows = notes.map(({ owner, name, value }) => [owner, name, value]);
  return [
    heading,
    ...report.warnings.map((warning) => `warning: ${warning}`),
    "",
    rows.length === 0 ? "no notes" : table(["Owner", "Note", "Value"], rows),
  ].join("\n");
}
