import { LEGACY_MAX_VCPUS, MAX_GUEST_CMDLINE, PAGE_SIZE, pageRoundUp, sharedInfo, startInfo } from "@pvh/abi";
import { PvhError } from "@pvh/errors";
import type { ClassicLayout } from "./layout.ts";

export interface StartInfoInput {
  layout: ClassicLayout;
  virtBase: bigint;
  /** Bytes. */
  memory: number;
  ramdiskSize: number;
  commandLine: string;
  eventChannels: { store: number; console: number };
}

/**
 * The `start_info` of a classic guest. The ramdisk is mapped, so `mod_start` is a virtual address also for kernels
 * that could take a frame number; `mod_len` is rounded up to pages, as libxc does.
 *
 * @throws PvhError CONFIG_INVALID when the command line does not fit: cutting it would change what it says.
 */
export function startInfoBytes(input: StartInfoInput): Uint8Array<ArrayBuffer> {
  const { layout, virtBase, memory, ramdiskSize, commandLine, eventChannels } = input;
  const virt = (gpa: number) => virtBase + BigInt(gpa);
  const length = new TextEncoder().encode(commandLine).length;
  if (length >= MAX_GUEST_CMDLINE) {
    throw new PvhError(
      "CONFIG_INVALID",
      `The command line has ${length} bytes, but start_info takes at most ${MAX_GUEST_CMDLINE - 1}.`,
      { field: "cmdline", found: length, allowed: `at most ${MAX_GUEST_CMDLINE - 1} bytes` },
    );
  }
  return startInfo.encode({
    magic: "xen-3.0-x86_64",
    nr_pages: memory / PAGE_SIZE,
    shared_info: layout.sharedInfo,
    flags: 0,
    store_mfn: layout.xenstore / PAGE_SIZE,
    store_evtchn: eventChannels.store,
    console_mfn: layout.console / PAGE_SIZE,
    console_evtchn: eventChannels.console,
    pt_base: virt(layout.pageTables),
    nr_pt_frames: layout.pageTableFrames,
    mfn_list: virt(layout.p2m),
    mod_start: ramdiskSize > 0 ? virt(layout.ramdisk) : 0n,
    mod_len: pageRoundUp(ramdiskSize),
    cmd_line: commandLine,
  });
}

/** A shared_info page before the first instruction: all events masked on every vCPU. */
export function sharedInfoBytes(): Uint8Array<ArrayBuffer> {
  return sharedInfo.encode({
    vcpu_info: Array.from({ length: LEGACY_MAX_VCPUS }, () => ({ evtchn_upcall_mask: 1 })),
  });
}
