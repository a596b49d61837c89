import {
  kvmDebugregs,
  kvmIoctl,
  kvmMsrEntry,
  kvmMsrs,
  kvmRegs,
  kvmSregs,
  kvmXcrs,
  MSR,
  SEGMENT,
} from "@pvh/abi";
import type { SegmentRegister, VcpuContext } from "@pvh/builder";
import { kvmCallWith } from "./host/kvm.ts";
import { ioctlPointer } from "./host/libc.ts";

/**
 * Loads the first state of a vCPU.
 *
 * 1. Special registers, on top of those of a reset, so that what the context does not speak of (the APIC base, the
 *    interrupt bitmap) stays.
 * 2. Debug registers and general registers.
 * 3. MSRs one by one: a host may refuse one that it does not virtualize, and the guest can do without.
 *
 * CPUID must have been set before: KVM checks control register bits against it.
 *
 * @returns the MSRs that the host refused.
 */
export function loadBootState(
  vcpuFd: number,
  context: VcpuContext,
  msrs: ReadonlyMap<number, bigint>,
): number[] {
  const sregs = new Uint8Array(kvmSregs.size);
  kvmCallWith(vcpuFd, "KVM_GET_SREGS", sregs);
  writeSregs(sregs, context);
  kvmCallWith(vcpuFd, "KVM_SET_SREGS", sregs);

  const { dr6, dr7 } = context;
  kvmCallWith(vcpuFd, "KVM_SET_DEBUGREGS", kvmDebugregs.encode({ dr6, dr7 }));
  kvmCallWith(vcpuFd, "KVM_SET_REGS", kvmRegs.encode(context.registers));

  const wanted = new Map([...msrs, [MSR.PAT, context.pat], [MSR.KERNEL_GS_BASE, context.kernelGsBase]]);
  return [...wanted].filter(([index, data]) => !setMsr(vcpuFd, index, data)).map(([index]) => index);
}

/** x87, SSE and AVX state. */
const XCR0 = 7;

/**
 * Lets the vCPU begin with AVX enabled in XCR0, where the host has it; guests that use it enable it themselves. QEMU's
 * emulation of AMD processors does not tell KVM of XSETBV, so that KVM would take it back at the next exit, and a guest
 * would find its saved state in another size than CPUID says.
 */
export function enableAvx(vcpuFd: number): void {
  ioctlPointer(vcpuFd, kvmIoctl.KVM_SET_XCRS, kvmXcrs.encode({ nr_xcrs: 1, value: XCR0 }));
}

/** Puts the context's segments, tables and control registers into an encoded `kvm_sregs`. */
export function writeSregs(sregs: Uint8Array, context: Omit<VcpuContext, "registers">): void {
  const { cs, ds, es, fs, gs, ss, tr, ldtr } = context.segments;
  kvmSregs.writeTo(sregs, 0, {
    cs: segment(cs),
    ds: segment(ds),
    es: segment(es),
    fs: segment(fs),
    gs: segment(gs),
    ss: segment(ss),
    tr: segment(tr),
    ldt: segment(ldtr),
    gdt: context.gdt,
    idt: context.idt,
    cr0: context.cr0,
    cr2: context.cr2,
    cr3: context.cr3,
    cr4: context.cr4,
    efer: context.efer,
  });
}

function segment({ selector, base, limit, attributes }: SegmentRegister) {
  const bit = (mask: number) => (attributes & mask ? 1 : 0);
  return {
    base,
    limit,
    selector,
    type: attributes & SEGMENT.TYPE_MASK,
    s: bit(SEGMENT.S),
    dpl: (attributes >> SEGMENT.DPL_SHIFT) & 3,
    present: bit(SEGMENT.P),
    avl: bit(SEGMENT.AVL),
    l: bit(SEGMENT.L),
    db: bit(SEGMENT.DB),
    g: bit(SEGMENT.G),
    unusable: attributes & SEGMENT.P ? 0 : 1,
  };
}

/** False when the host's KVM does not let this MSR be set to this value. */
function setMsr(vcpuFd: number, index: number, data: bigint): boolean {
  const argument = new Uint8Array(kvmMsrs.size + kvmMsrEntry.size);
  kvmMsrs.writeTo(argument, 0, { nmsrs: 1 });
  kvmMsrEntry.writeTo(argument, kvmMsrs.size, { index, data });
  return kvmCallWith(vcpuFd, "KVM_SET_MSRS", argument) === 1;
}
