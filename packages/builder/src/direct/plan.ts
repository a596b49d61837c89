import { PAGE_SIZE, pageRoundUp, SPECIAL_PAGES } from "@pvh/abi";
import { hex, PvhError } from "@pvh/errors";
import { acpiTables } from "../acpi/tables.ts";
import { checkRegions } from "../image/check.ts";
import type { DomainImage, Platform, Region } from "../image/image.ts";
import { MIB, mib } from "../image/size.ts";
import { kernelRegions } from "../kernel/regions.ts";
import type { DirectBoot, Kernel } from "../kernel/types.ts";
import { directContext } from "./context.ts";
import { ACPI_RANGE, directMemory, LOW_MEMORY_LIMIT } from "./memory.ts";
import { startInfoRegions } from "./start-info.ts";

export interface DirectPlanInput {
  kernel: Kernel;
  boot: DirectBoot;
  platform: Platform;
  ramdisk?: Uint8Array | undefined;
  /** Bytes. */
  memory: number;
  /** Bytes; what the guest takes for its memory. */
  maxMemory: number;
  vcpus: number;
  maxVcpus: number;
  commandLine: string;
}

/** The image of a direct guest (PVHv2): kernel, ramdisk and hvm_start_info upward from where the kernel asks to be. */
export function planDirect(input: DirectPlanInput): DomainImage {
  const { kernel, boot, platform, memory } = input;
  const { ram, memoryMap } = directMemory(platform, input.maxMemory);
  const acpi = platform === "bare" ? acpiTables({ gpa: ACPI_RANGE.gpa, vcpus: input.vcpus }) : undefined;

  const ramdisk = input.ramdisk?.length === 0 ? undefined : input.ramdisk;
  const ramdiskGpa = placeAbove(boot.end, ramdisk?.length ?? 0, platform);
  const module = ramdisk && { gpa: ramdiskGpa, size: ramdisk.length };
  const information = (gpa: number) =>
    startInfoRegions({ gpa, commandLine: input.commandLine, module, memoryMap, rsdp: acpi?.rsdp ?? 0 });
  const informationSize = endOf(information(0));
  const startInfo = placeAbove(ramdiskGpa + (ramdisk?.length ?? 0), informationSize, platform);
  checkFits(input, startInfo + informationSize);

  const image: DomainImage = {
    bootInterface: "direct",
    platform,
    memory,
    ram,
    memoryMap,
    regions: [
      ...kernelRegions(kernel, boot),
      ...(ramdisk === undefined ? [] : [ramdiskRegion(ramdiskGpa, ramdisk)]),
      ...information(startInfo),
      ...(acpi === undefined ? sharedPages : [acpiRegion(acpi.bytes)]),
    ],
    pages: { startInfo, ...(platform === "xen" ? { xenstore: XENSTORE, console: CONSOLE } : {}) },
    vcpu: directContext(boot.entry, startInfo),
  };
  checkRegions(image);
  return image;
}

const XENSTORE = SPECIAL_PAGES.xenstore * PAGE_SIZE;
const CONSOLE = SPECIAL_PAGES.console * PAGE_SIZE;

const sharedPages: Region[] = [
  { name: "xenstore", gpa: XENSTORE, size: PAGE_SIZE, contents: { kind: "zero" } },
  { name: "console", gpa: CONSOLE, size: PAGE_SIZE, contents: { kind: "zero" } },
];

function ramdiskRegion(gpa: number, ramdisk: Uint8Array): Region {
  return {
    name: "ramdisk",
    gpa,
    size: pageRoundUp(ramdisk.length),
    contents: { kind: "file", bytes: ramdisk },
  };
}

/** The whole firmware area, so that a kernel which wants to be there is refused. */
function acpiRegion(bytes: Uint8Array): Region {
  return { name: "acpi", ...ACPI_RANGE, contents: { kind: "bytes", bytes } };
}

/** The first page from `end` on where `size` bytes are free of the bare platform's firmware area. */
function placeAbove(end: number, size: number, platform: Platform): number {
  const gpa = pageRoundUp(end);
  const acpiEnd = ACPI_RANGE.gpa + ACPI_RANGE.size;
  const collides = platform === "bare" && gpa < acpiEnd && gpa + size > ACPI_RANGE.gpa;
  return collides ? acpiEnd : gpa;
}

function endOf(regions: readonly Region[]): number {
  return Math.max(...regions.map(({ gpa, size }) => gpa + size));
}

function checkFits({ memory, boot, ramdisk, platform }: DirectPlanInput, end: number): void {
  const least = Math.max(end, platform === "bare" ? ACPI_RANGE.gpa + ACPI_RANGE.size : 0);
  if (least <= Math.min(memory, LOW_MEMORY_LIMIT)) return;
  const parts = [
    `kernel from ${mib(boot.start)} to ${mib(boot.end)}`,
    ...(ramdisk ? [`ramdisk ${mib(ramdisk.length)}`] : []),
    ...(platform === "bare" ? ["ACPI tables up to 1.0 MiB"] : []),
  ];
  const needs = `${parts.join(", ")}: the boot image ends at ${mib(least)}`;
  if (least > LOW_MEMORY_LIMIT) {
    throw new PvhError(
      "LAYOUT_MEMORY",
      `${needs}, but memory below 4 GiB ends at ${mib(LOW_MEMORY_LIMIT)}, whatever memory is set to.`,
      { field: "kernel", found: hex(least), allowed: `at most ${hex(LOW_MEMORY_LIMIT)}` },
    );
  }
  const leastMiB = Math.ceil(least / MIB);
  throw new PvhError(
    "LAYOUT_MEMORY",
    `memory = ${memory / MIB} MiB is too small: ${needs}; the least that would do is memory = ${leastMiB}.`,
    { field: "memory", found: memory / MIB, allowed: `at least ${leastMiB}` },
  );
}
