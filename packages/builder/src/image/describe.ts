import { hex } from "@pvh/errors";
import type { Contents, DomainImage, HypercallTrap, SegmentRegister } from "./image.ts";
import { tableLevels } from "./page-tables.ts";
import { mib } from "./size.ts";

/** The layout of an image as aligned text for people: regions by address, memory map, registers. */
export function describeImage(image: DomainImage): string {
  const { mapping } = image;
  const virtual = (gpa: number) => (mapping === undefined ? [] : [hex(mapping.virtBase + BigInt(gpa))]);
  const regions = image.regions
    .toSorted((a, b) => a.gpa - b.gpa || b.size - a.size)
    .map(({ name, gpa, size, contents }) => [
      name,
      `${hex(gpa)}..${hex(gpa + size)}`,
      String(size),
      ...virtual(gpa),
      contentsSummary(contents),
    ]);
  const heading = ["region", "guest-physical", "bytes", ...(mapping ? ["virtual"] : []), "contents"];
  const memoryMap = image.memoryMap.map(({ gpa, size, type }) => [
    `${hex(gpa)}..${hex(gpa + size)}`,
    mib(size),
    type,
  ]);
  const growth = image.maxMemory > image.memory ? `, at most ${mib(image.maxMemory)}` : "";
  return [
    `${image.bootInterface} PVH on platform ${image.platform}, memory ${mib(image.memory)}${growth}`,
    ...(mapping ? [`initial mapping ${hex(mapping.virtBase)}..${hex(mapping.virtEnd)}`] : []),
    "",
    ...aligned([heading, ...regions]),
    "",
    "memory map",
    ...aligned(memoryMap),
    "",
    "registers",
    ...aligned(registerRows(image)),
    "",
  ].join("\n");
}

/** What a region contains, in a few words. */
export function contentsSummary(contents: Contents): string {
  switch (contents.kind) {
    case "file":
      return `file, ${contents.bytes.length} bytes`;
    case "bytes":
      return `made, ${contents.bytes.length} bytes`;
    case "zero":
      return "zero";
    case "identity-p2m":
      return `identity, ${contents.entries} frames`;
    case "page-tables": {
      const counts = tableLevels(contents.virtBase, contents.virtEnd).map(
        ({ level, tables }) => `${tables} L${level}`,
      );
      return `page tables, ${counts.join(" + ")}`;
    }
    case "hypercall-page":
      return `hypercall stubs, ${trapName(contents.trap)}${contents.smpShims ? ", SMP shims" : ""}`;
  }
}

function trapName(trap: HypercallTrap): string {
  return trap.kind === "port" ? `port ${hex(trap.port)}` : trap.kind;
}

function registerRows({ vcpu }: DomainImage): string[][] {
  const general = Object.entries(vcpu.registers).filter(([, value]) => value !== 0n);
  const control = (["cr0", "cr3", "cr4", "efer"] as const).map((name) => [name, hex(vcpu[name])]);
  const segments = Object.entries(vcpu.segments).map(([name, value]) => [name, segmentText(value)]);
  return [
    ...general.map(([name, value]) => [name, hex(value)]),
    ...control,
    ...segments,
    ["other", "general registers 0, GDT and IDT empty"],
  ];
}

function segmentText({ selector, base, limit, attributes }: SegmentRegister): string {
  if (attributes === 0) return "unusable";
  return `selector ${hex(selector)} base ${hex(base)} limit ${hex(limit)} attributes ${hex(attributes)}`;
}

/** Rows as lines with columns of equal width, indented by two. */
function aligned(rows: string[][]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length);
    });
  }
  return rows.map((row) => `  ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("  ")}`.trimEnd());
}
