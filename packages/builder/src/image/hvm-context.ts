import {
  HVM_FILE_MAGIC,
  HVM_SAVE_CODE,
  hvmHwCpu,
  hvmHwMtrr,
  hvmSaveDescriptor,
  hvmSaveHeader,
  MTRR_DEF_TYPE,
  RFLAGS,
} from "@pvh/abi";
import type { DescriptorTable, SegmentRegister, VcpuContext } from "./image.ts";

/** A record of an HVM container's state: of what type, of which vCPU. */
interface HvmRecord {
  typecode: number;
  instance: number;
  body: Uint8Array;
}

/**
 * The stream that gives a domain's first vCPU its registers: XEN_DOMCTL_sethvmcontext, which marks all vCPUs as down before,
 * so it must be the last of its kind.
 *
 * Without XEN_X86_FPU_INITIALISED the FPU is as after reset; kernels begin with FNINIT. The PAT is not in this record but in
 * that of the MTRRs, where Xen has put the value after reset, which is the one of both entry states.
 *
 * @param fetched what XEN_DOMCTL_gethvmcontext says of the new domain; its header is copied
 * @throws RangeError when `fetched` is no such stream
 */
export function cpuContextStream(fetched: Uint8Array, vcpu: VcpuContext): Uint8Array<ArrayBuffer> {
  return stream(fetched, { typecode: HVM_SAVE_CODE.CPU, instance: 0, body: cpuRecord(vcpu) });
}

/**
 * The stream that turns a vCPU's MTRRs on, with write-back as the type of all memory. After reset they are off, which
 * on VT-x means uncached. As in libxc, all vCPUs get what the first one has (vcpu_hvm, xg_dom_x86.c).
 *
 * @throws RangeError when `fetched` is no stream of an HVM container's state, or has no MTRRs
 */
export function mtrrContextStream(fetched: Uint8Array, instance: number): Uint8Array<ArrayBuffer> {
  const { MTRR: typecode } = HVM_SAVE_CODE;
  for (const record of records(fetched)) {
    if (record.typecode !== typecode || record.instance !== 0) continue;
    const mtrr = hvmHwMtrr.decode(record.body);
    const msr_mtrr_def_type = MTRR_DEF_TYPE.WRITE_BACK | MTRR_DEF_TYPE.ENABLE;
    return stream(fetched, { typecode, instance, body: hvmHwMtrr.encode({ ...mtrr, msr_mtrr_def_type }) });
  }
  throw new RangeError("the HVM context has no MTRR record");
}

function stream(fetched: Uint8Array, { typecode, instance, body }: HvmRecord): Uint8Array<ArrayBuffer> {
  const header = hvmSaveDescriptor.size + hvmSaveHeader.size;
  const bytes = new Uint8Array(header + hvmSaveDescriptor.size + body.length + hvmSaveDescriptor.size);
  checkHeader(fetched);
  bytes.set(fetched.subarray(0, header));
  hvmSaveDescriptor.writeTo(bytes, header, { typecode, instance, length: body.length });
  bytes.set(body, header + hvmSaveDescriptor.size);
  // END is a descriptor of zeros.
  return bytes;
}

function checkHeader(fetched: Uint8Array): void {
  const { typecode, length } = hvmSaveDescriptor.decode(fetched);
  const { magic } = hvmSaveHeader.decode(fetched, hvmSaveDescriptor.size);
  if (typecode === HVM_SAVE_CODE.HEADER && length === hvmSaveHeader.size && magic === HVM_FILE_MAGIC) return;
  throw new RangeError("the HVM context does not begin with a header");
}

function* records(stream: Uint8Array): Generator<HvmRecord> {
  for (let at = 0; ; ) {
    const { typecode, instance, length } = hvmSaveDescriptor.decode(stream, at);
    if (typecode === HVM_SAVE_CODE.END) return;
    at += hvmSaveDescriptor.size;
    yield { typecode, instance, body: stream.subarray(at, at + length) };
    at += length;
  }
}

function cpuRecord(vcpu: VcpuContext): Uint8Array<ArrayBuffer> {
  const { rflags, ...registers } = vcpu.registers;
  const { cs, ds, es, fs, gs, ss, tr, ldtr } = vcpu.segments;
  return hvmHwCpu.encode({
    ...registers,
    rflags: rflags | RFLAGS.FIXED,
    cr0: vcpu.cr0,
    cr2: vcpu.cr2,
    cr3: vcpu.cr3,
    cr4: vcpu.cr4,
    dr6: vcpu.dr6,
    dr7: vcpu.dr7,
    ...segmentFields("cs", cs),
    ...segmentFields("ds", ds),
    ...segmentFields("es", es),
    ...segmentFields("fs", fs),
    ...segmentFields("gs", gs),
    ...segmentFields("ss", ss),
    ...segmentFields("tr", tr),
    ...segmentFields("ldtr", ldtr),
    ...tableFields("gdtr", vcpu.gdt),
    ...tableFields("idtr", vcpu.idt),
    shadow_gs: vcpu.kernelGsBase,
    msr_efer: vcpu.efer,
  });
}

function segmentFields(name: keyof VcpuContext["segments"], register: SegmentRegister) {
  return {
    [`${name}_sel`]: register.selector,
    [`${name}_base`]: register.base,
    [`${name}_limit`]: register.limit,
    [`${name}_arbytes`]: register.attributes,
  };
}

function tableFields(name: "gdtr" | "idtr", { base, limit }: DescriptorTable) {
  return { [`${name}_base`]: base, [`${name}_limit`]: limit };
}
