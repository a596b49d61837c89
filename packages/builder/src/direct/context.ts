import { CR0, SEGMENT_ATTRIBUTES } from "@pvh/abi";
import type { VcpuContext } from "../image/image.ts";
import { CONTEXT_DEFAULTS, registers, segment } from "../image/registers.ts";

/** 32-bit protected mode without paging, ebx = hvm_start_info: what libxc's vcpu_hvm loads (Xen 4.17). */
export function directContext(entry: number, startInfo: number): VcpuContext {
  const data = segment(SEGMENT_ATTRIBUTES.DATA, 0xffffffff);
  const unusable = segment(SEGMENT_ATTRIBUTES.UNUSABLE, 0);
  return {
    ...CONTEXT_DEFAULTS,
    registers: registers({ rip: BigInt(entry), rbx: BigInt(startInfo) }),
    segments: {
      cs: segment(SEGMENT_ATTRIBUTES.CODE32, 0xffffffff),
      ds: data,
      es: data,
      ss: data,
      fs: unusable,
      gs: unusable,
      tr: segment(SEGMENT_ATTRIBUTES.TSS_BUSY, 0x67),
      ldtr: unusable,
    },
    cr0: CR0.PE | CR0.ET,
    cr3: 0n,
    cr4: 0n,
    efer: 0n,
  };
}
