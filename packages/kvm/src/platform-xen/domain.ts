import { E820_MAX, E820_TYPE, e820Entry } from "@pvh/abi";
import { type BootInterface, hypercallPage, type MemoryMapEntry } from "@pvh/builder";
import { HYPERCALL_PORT } from "./hypercall-port.ts";
import { type Personality, personalityOf } from "./personality.ts";

/** What the hypercalls of a domain's vCPUs answer from, and what never changes. */
export interface XenDomain {
  domid: number;
  bootInterface: BootInterface;
  /** The highest event channel port. */
  maxPort: number;
  /** Grants that the guest may have mapped at a time. */
  maxMappings: number;
  /** Frequency of the guest's TSC. */
  tscKhz: number;
  personality: Personality;
  /** 16 bytes, in the order of the uuid's text. */
  handle: Uint8Array;
  /** `e820entry`s as XENMEM_memory_map returns them. */
  memoryMap: Uint8Array;
  /** What a page gets whose address the guest writes to Xen's MSR. */
  hypercallPage: Uint8Array;
}

export interface XenDomainInput {
  domid: number;
  bootInterface: BootInterface;
  uuid: string;
  memoryMap: readonly MemoryMapEntry[];
  maxPort: number;
  maxMappings: number;
  tscKhz: number;
}

export function xenDomain(input: XenDomainInput): XenDomain {
  const { domid, bootInterface, uuid, memoryMap, maxPort, maxMappings, tscKhz } = input;
  const entries = memoryMap.slice(0, E820_MAX);
  const map = new Uint8Array(entries.length * e820Entry.size);
  entries.forEach(({ gpa, size, type }, i) => {
    e820Entry.writeTo(map, i * e820Entry.size, { addr: gpa, size, type: E820_TYPE[type] });
  });
  return {
    domid,
    bootInterface,
    maxPort,
    maxMappings,
    tscKhz,
    personality: personalityOf(bootInterface),
    handle: Uint8Array.from(uuid.replaceAll("-", "").match(/../g) ?? [], (byte) => Number.parseInt(byte, 16)),
    memoryMap: map,
    hypercallPage: hypercallPage({ kind: "port", port: HYPERCALL_PORT }),
  };
}
