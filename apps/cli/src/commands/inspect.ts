import { inspectKernel, type KernelReport, kernelReport, unpackKernel } from "@pvh/builder";
import { readInput } from "../files.ts";
import { type OutputOptions, print, printJson, properties, table } from "../output.ts";

export async function inspect(file: string, { output }: OutputOptions): Promise<void> {
  const report = kernelReport(inspectKernel(unpackKernel(readInput("kernel", file))));
  if (output === "json") printJson(report);
  else print(describe(file, report));
}

function describe(file: string, report: KernelReport): string {
  const verdict = (abi: KernelReport["abis"]["direct"]) =>
    abi.supported ? `yes, entry ${abi.entry}` : `no: ${abi.missing.join("; ")}`;
  return [
    properties({
      file,
      format: report.format,
      compression: report.compression,
      features: report.features.supported.join(" ") || "none",
      direct: verdict(report.abis.direct),
      classic: verdict(report.abis.classic),
    }),
    "",
    report.notes.length === 0
      ? "no notes"
      : table(
          ["owner", "note", "value"],
          report.notes.map(({ name, type, value }) => [name, String(type), value]),
        ),
  ].join("\n");
}
