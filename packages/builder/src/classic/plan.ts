import { PAGE_SIZE, pageRoundUp, startInfo } from "@pvh/abi";
import { checkRegions } from "../image/check.ts";
import type { DomainImage, HypercallTrap, Region } from "../image/image.ts";
import { LOW_MEMORY_LIMIT, ramAroundHole } from "../image/ram.ts";
import { kernelRegions } from "../kernel/regions.ts";
import type { ClassicBoot, Kernel } from "../kernel/types.ts";
import { classicContext } from "./context.ts";
import { type ClassicLayout, type ClassicPlacement, classicLayout } from "./layout.ts";
import { sharedInfoBytes, startInfoBytes } from "./pages.ts";

export interface ClassicPlanInput {
  kernel: Kernel;
  boot: ClassicBoot;
  ramdisk?: Uint8Array | undefined;
  /** Bytes. */
  memory: number;
  /** Bytes; what the memory map says. RAM above `memory` is there for the guest to populate. */
  maxMemory: number;
  commandLine: string;
  hypercallTrap: HypercallTrap;
  /** Whether the hypercall page has the shims that guests with several vCPUs need on Xen; see image/smp-shims.ts. */
  smpShims: boolean;
  /** Whether RAM goes around the addresses below 4 GiB where Xen has other things. */
  memoryHole: boolean;
  placement: ClassicPlacement;
  /** Ports of the two channels to the control domain; the backend makes them. */
  eventChannels: { store: number; console: number };
}

/** The image of a classic guest (PVHv1): the PV boot protocol in long mode. */
export function planClassic(input: ClassicPlanInput): DomainImage {
  const { kernel, boot, ramdisk, memory, maxMemory, memoryHole, placement } = input;
  const ramdiskSize = ramdisk?.length ?? 0;
  const layout = classicLayout({
    virtBase: boot.virtBase,
    kernelEnd: boot.end,
    ramdiskSize,
    memory,
    lowMemoryLimit: memoryHole ? LOW_MEMORY_LIMIT : Number.POSITIVE_INFINITY,
    placement,
  });
  const { low, high } = memoryHole
    ? ramAroundHole(maxMemory)
    : { low: { gpa: 0, size: maxMemory }, high: [] };
  const ram = [low, ...high];
  const virt = (gpa: number) => boot.virtBase + BigInt(gpa);
  const mapping = { virtBase: boot.virtBase, virtEnd: virt(layout.mappedEnd) };
  const image: DomainImage = {
    bootInterface: "classic",
    platform: "xen",
    memory,
    maxMemory,
    ram,
    memoryMap: ram.map((range) => ({ ...range, type: "ram" })),
    regions: [
      ...kernelRegions(kernel, boot),
      ...loaderRegions(input, layout, mapping),
      ...hypercallRegions(input),
    ],
    pages: {
      startInfo: layout.startInfo,
      sharedInfo: layout.sharedInfo,
      xenstore: layout.xenstore,
      console: layout.console,
      pageTables: layout.pageTables,
      ...(boot.hypercallPage === undefined ? {} : { hypercallPage: boot.hypercallPage }),
    },
    mapping,
    vcpu: classicContext({
      entry: boot.entry,
      startInfo: virt(layout.startInfo),
      stackTop: virt(layout.bootStack + PAGE_SIZE),
      pageTables: layout.pageTables,
    }),
  };
  checkRegions(image);
  return image;
}

function loaderRegions(
  { boot, ramdisk, memory, commandLine, eventChannels }: ClassicPlanInput,
  layout: ClassicLayout,
  mapping: { virtBase: bigint; virtEnd: bigint },
): Region[] {
  const ramdiskSize = ramdisk?.length ?? 0;
  const page = (name: string, gpa: number): Region => ({
    name,
    gpa,
    size: PAGE_SIZE,
    contents: { kind: "zero" },
  });
  const startInfoPage = startInfoBytes({
    layout,
    virtBase: boot.virtBase,
    memory,
    ramdiskSize,
    commandLine,
    eventChannels,
  });
  const regions: Region[] = [
    {
      name: "p2m",
      gpa: layout.p2m,
      size: pageRoundUp(layout.p2mEntries * 8),
      contents: { kind: "identity-p2m", entries: layout.p2mEntries },
    },
    {
      name: "start_info",
      gpa: layout.startInfo,
      size: startInfo.size,
      contents: { kind: "bytes", bytes: startInfoPage },
    },
    page("xenstore", layout.xenstore),
    page("console", layout.console),
    {
      name: "shared_info",
      gpa: layout.sharedInfo,
      size: PAGE_SIZE,
      contents: { kind: "bytes", bytes: sharedInfoBytes() },
    },
    {
      name: "page_tables",
      gpa: layout.pageTables,
      size: layout.pageTableFrames * PAGE_SIZE,
      contents: { kind: "page-tables", ...mapping },
    },
    page("boot_stack", layout.bootStack),
  ];
  if (ramdisk !== undefined && ramdiskSize > 0) {
    regions.unshift({
      name: "ramdisk",
      gpa: layout.ramdisk,
      size: pageRoundUp(ramdiskSize),
      contents: { kind: "file", bytes: ramdisk },
    });
  }
  return regions;
}

function hypercallRegions({ boot, hypercallTrap: trap, smpShims }: ClassicPlanInput): Region[] {
  if (boot.hypercallPage === undefined) return [];
  const contents = { kind: "hypercall-page", trap, smpShims } as const;
  return [{ name: "hypercall_page", gpa: boot.hypercallPage, size: PAGE_SIZE, contents }];
}
