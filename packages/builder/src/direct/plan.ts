import { PAGE_SIZE, pageRoundUp, SPECIAL_PAGES, xenFeatureMask } from "@pvh/abi";
import { hex, PvhError } from "@pvh/errors";
import { acpiTables } from "../acpi/tables.ts";
import { xenAcpi } from "../acpi/xen-tables.ts";
import type { AcpiMemoryType } from "../hypervisor.ts";
import { checkRegions } from "../image/check.ts";
import type { DomainImage, Platform, RamRange, Region } from "../image/image.ts";
import { LOW_MEMORY_LIMIT } from "../image/ram.ts";
import { MIB, mib } from "../image/size.ts";
import { kernelRegions } from "../kernel/regions.ts";
import type { DirectBoot, Kernel } from "../kernel/types.ts";
import { directContext } from "./context.ts";
import { ACPI_RANGE, bareMemory, type DirectMemory, LOW_RSDP_PAGE, xenMemory } from "./memory.ts";
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
  /** What the memory map calls the pages of Xen's ACPI tables; the bare platform's are always `acpi`. */
  acpiMemoryType: AcpiMemoryType;
}

/** The image of a direct guest (PVHv2): kernel, ramdisk and hvm_start_info upward from where the kernel asks to be. */
export function planDirect(input: DirectPlanInput): DomainImage {
  const { kernel, boot, platform, memory, maxMemory } = input;
  const surroundings = platform === "xen" ? xenSurroundings(input) : bareSurroundings(input);
  const { ram, memoryMap, rsdp, avoid, pages } = surroundings;

  const ramdisk = input.ramdisk?.length === 0 ? undefined : input.ramdisk;
  const ramdiskGpa = placeAbove(boot.end, ramdisk?.length ?? 0, avoid);
  const module = ramdisk && { gpa: ramdiskGpa, size: ramdisk.length };
  const information = (gpa: number) =>
    startInfoRegions({ gpa, commandLine: input.commandLine, module, memoryMap, rsdp });
  const informationSize = endOf(information(0));
  const startInfo = placeAbove(ramdiskGpa + (ramdisk?.length ?? 0), informationSize, avoid);
  checkFits(input, startInfo + informationSize);

  const image: DomainImage = {
    bootInterface: "direct",
    platform,
    memory,
    maxMemory,
    ram,
    memoryMap,
    regions: [
      ...kernelRegions(kernel, boot),
      ...(ramdisk === undefined ? [] : [ramdiskRegion(ramdiskGpa, ramdisk)]),
      ...information(startInfo),
      ...surroundings.regions,
    ],
    pages: { startInfo, ...pages },
    vcpu: directContext(boot.entry, startInfo),
  };
  checkRegions(image);
  return image;
}

/** What a platform puts into a guest's memory besides its boot image. */
interface Surroundings extends DirectMemory {
  /** Guest-physical. */
  rsdp: number;
  regions: Region[];
  pages: Pick<DomainImage["pages"], "xenstore" | "console">;
  /** Where nothing of the boot image may stand, beyond what {@link checkFits} says of RAM. */
  avoid: RamRange | undefined;
}

const XENSTORE = SPECIAL_PAGES.xenstore * PAGE_SIZE;
const CONSOLE = SPECIAL_PAGES.console * PAGE_SIZE;

const sharedPages: Region[] = [
  { name: "xenstore", gpa: XENSTORE, size: PAGE_SIZE, contents: { kind: "zero" } },
  { name: "console", gpa: CONSOLE, size: PAGE_SIZE, contents: { kind: "zero" } },
];

function xenSurroundings(input: DirectPlanInput): Surroundings {
  const { kernel, boot, vcpus, maxVcpus, maxMemory, acpiMemoryType } = input;
  const lowRsdp = wantsLowRsdp(kernel, boot);
  const parts = xenAcpi({ vcpus, maxVcpus, lowRsdp });
  const acpi = parts.map(({ name, gpa, size, bytes }): Region => {
    return { name, gpa, size, contents: { kind: "bytes", bytes } };
  });
  return {
    ...xenMemory(maxMemory, parts, acpiMemoryType),
    rsdp: parts[0].gpa,
    regions: [...sharedPages, ...acpi],
    pages: { xenstore: XENSTORE, console: CONSOLE },
    avoid: lowRsdp ? LOW_RSDP_PAGE : undefined,
  };
}

/**
 * Older Linux reads an RSDP only in its RAM, so Xen gives it one below 1 MiB unless it says that it is not restricted. Where
 * the kernel itself wants that page it stays with the tables: libxl would write over the kernel.
 */
function wantsLowRsdp({ xen }: Kernel, boot: DirectBoot): boolean {
  const restricted =
    xen?.guestOs === "linux" && (xen.features.supported & xenFeatureMask("linux_rsdp_unrestricted")) === 0;
  const end = LOW_RSDP_PAGE.gpa + LOW_RSDP_PAGE.size;
  return restricted && !(boot.start < end && boot.end > LOW_RSDP_PAGE.gpa);
}

function bareSurroundings({ vcpus, maxMemory }: DirectPlanInput): Surroundings {
  const { bytes, rsdp } = acpiTables({ gpa: ACPI_RANGE.gpa, vcpus });
  // The whole firmware area, so that a kernel which wants to be there is refused.
  const region: Region = { name: "acpi", ...ACPI_RANGE, contents: { kind: "bytes", bytes } };
  return { ...bareMemory(maxMemory), rsdp, regions: [region], pages: {}, avoid: ACPI_RANGE };
}

function ramdiskRegion(gpa: number, ramdisk: Uint8Array): Region {
  return {
    name: "ramdisk",
    gpa,
    size: pageRoundUp(ramdisk.length),
    contents: { kind: "file", bytes: ramdisk },
  };
}

/** The first page from `end` on where `size` bytes are free of what is to be avoided. */
function placeAbove(end: number, size: number, avoid: RamRange | undefined): number {
  const gpa = pageRoundUp(end);
  if (avoid === undefined) return gpa;
  const avoidEnd = avoid.gpa + avoid.size;
  return gpa < avoidEnd && gpa + size > avoid.gpa ? avoidEnd : gpa;
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
