import { CR0, CR4, EFER, SEGMENT_ATTRIBUTES } from "@pvh/abi";
import type { VcpuContext } from "../image/image.ts";
import { CONTEXT_DEFAULTS, registers, segment } from "../image/registers.ts";

export interface ClassicEntry {
  /** Virtual addresses. */
  entry: bigint;
  startInfo: bigint;
  stackTop: bigint;
  /** Guest-physical address of the L4 table. */
  pageTables: number;
}

/**
 * 64-bit long mode in ring 0 with paging on, as Xen 4.5 entered a classic guest (construct_vmcs).
 *
 * RFLAGS is 2, as docs/misc/pvh.markdown promises; libxc let IF through, which no guest can have relied on: nothing
 * is injected before the guest registers its callback.
 */
export function classicContext({ entry, startInfo, stackTop, pageTables }: ClassicEntry): VcpuContext {
  const data = segment(SEGMENT_ATTRIBUTES.DATA, 0xffffffff);
  return {
    ...CONTEXT_DEFAULTS,
    registers: registers({ rip: entry, rsp: stackTop, rsi: startInfo }),
    segments: {
      cs: segment(SEGMENT_ATTRIBUTES.CODE64, 0xffffffff),
      ds: data,
      es: data,
      fs: data,
      gs: data,
      ss: data,
      tr: segment(SEGMENT_ATTRIBUTES.TSS_BUSY, 0xff),
      ldtr: segment(SEGMENT_ATTRIBUTES.LDT, 0),
    },
    cr0: CR0.PE | CR0.ET | CR0.PG,
    cr3: BigInt(pageTables),
    cr4: CR4.PAE,
    efer: EFER.LME | EFER.LMA,
  };
}
