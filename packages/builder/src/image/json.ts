import { hex } from "@pvh/errors";
import { contentsSummary } from "./describe.ts";
import type { DomainImage, SegmentRegister } from "./image.ts";
import { imageSpan } from "./segments.ts";

/** An address, size or register value: `"0x1000"`. */
export type Hex = `0x${string}`;

type HexFields<Keys extends string> = Record<Keys, Hex>;

/**
 * What an image is, for programs that read its raw file (`pvhctl build`): there the offset of a byte is its
 * guest-physical address, the file ends after the last byte that is not zero RAM, and what is not in it is zero.
 */
export interface ImageDescription {
  format: "pvh-image/1";
  boot_interface: DomainImage["bootInterface"];
  platform: DomainImage["platform"];
  /** RAM that the config asked for, in bytes. */
  memory: Hex;
  /** What it may grow to. */
  max_memory: Hex;
  /** Bytes of the raw file. */
  file_size: Hex;
  /** Guest-physical ranges that must be RAM. */
  ram: HexFields<"gpa" | "size">[];
  /** What the guest is told about its memory. */
  memory_map: (HexFields<"gpa" | "size"> & { type: string })[];
  /** `virt` is there when the initial page tables map the region. `contents` is for people. */
  regions: (HexFields<"gpa" | "size"> & { name: string; virt?: Hex; contents: string })[];
  /** Guest-physical addresses of structures by name. */
  pages: Record<string, Hex>;
  /** The initial page tables map [virt_base, virt_end) to guest-physical 0 upward; absent without paging. */
  mapping?: HexFields<"virt_base" | "virt_end">;
  vcpu: {
    registers: Record<string, Hex>;
    control: HexFields<"cr0" | "cr2" | "cr3" | "cr4" | "efer" | "pat" | "dr6" | "dr7" | "kernel_gs_base">;
    /** `attributes`: bits 0-3 type, 4 S, 5-6 DPL, 7 P, 8 AVL, 9 L, 10 D/B, 11 G. */
    segments: Record<string, HexFields<"selector" | "base" | "limit" | "attributes">>;
    gdt: HexFields<"base" | "limit">;
    idt: HexFields<"base" | "limit">;
  };
}

const asHex = (value: number | bigint): Hex => hex(value) as Hex;

export function imageToJson(image: DomainImage): ImageDescription {
  const { mapping, vcpu } = image;
  const range = ({ gpa, size }: { gpa: number; size: number }) => ({ gpa: asHex(gpa), size: asHex(size) });
  const table = ({ base, limit }: { base: bigint; limit: number }) => ({
    base: asHex(base),
    limit: asHex(limit),
  });
  return {
    format: "pvh-image/1",
    boot_interface: image.bootInterface,
    platform: image.platform,
    memory: asHex(image.memory),
    max_memory: asHex(image.maxMemory),
    file_size: asHex(imageSpan(image)),
    ram: image.ram.map(range),
    memory_map: image.memoryMap.map((entry) => ({ ...range(entry), type: entry.type })),
    regions: image.regions.map((region) => ({
      name: region.name,
      ...range(region),
      ...(mapping === undefined ? {} : { virt: asHex(mapping.virtBase + BigInt(region.gpa)) }),
      contents: contentsSummary(region.contents),
    })),
    pages: mapValues(snakeKeys(image.pages), asHex),
    ...(mapping === undefined
      ? {}
      : { mapping: { virt_base: asHex(mapping.virtBase), virt_end: asHex(mapping.virtEnd) } }),
    vcpu: {
      registers: mapValues(vcpu.registers, asHex),
      control: {
        cr0: asHex(vcpu.cr0),
        cr2: asHex(vcpu.cr2),
        cr3: asHex(vcpu.cr3),
        cr4: asHex(vcpu.cr4),
        efer: asHex(vcpu.efer),
        pat: asHex(vcpu.pat),
        dr6: asHex(vcpu.dr6),
        dr7: asHex(vcpu.dr7),
        kernel_gs_base: asHex(vcpu.kernelGsBase),
      },
      segments: mapValues(vcpu.segments, segmentJson),
      gdt: table(vcpu.gdt),
      idt: table(vcpu.idt),
    },
  };
}

function segmentJson({ selector, base, limit, attributes }: SegmentRegister) {
  return {
    selector: asHex(selector),
    base: asHex(base),
    limit: asHex(limit),
    attributes: asHex(attributes),
  };
}

function mapValues<V, W>(values: Record<string, V>, map: (value: V) => W): Record<string, W> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, map(value)]));
}

function snakeKeys<V>(values: Record<string, V>): Record<string, V> {
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => [
      key.replace(/[A-Z]/g, (upper) => `_${upper.toLowerCase()}`),
      value,
    ]),
  );
}
