import { HYPERCALL, XENVER, xenFeatureInfo, xenFeatureMask } from "@pvh/abi";
import { type Instruction, instruction as ins, type Line } from "../machine-code.ts";
import { call, pop, push, RET } from "./calls.ts";

/**
 * xen_version(rdi = command, rsi = argument): Xen no longer tells of supervisor_mode_kernel, without which Linux skips the
 * GDT and GS of every vCPU but the first.
 */
export function xenVersion(trap: Instruction): Line[] {
  const { submap_idx, submap } = xenFeatureInfo.fields;
  const feature = xenFeatureMask("supervisor_mode_kernel");
  return [
    push.rdi,
    push.rsi,
    ...call(HYPERCALL.xen_version, trap),
    pop.rsi,
    pop.rdi,
    ins(`cmp edi, ${XENVER.get_features}`, 0x83, 0xff, XENVER.get_features),
    { jump: "jnz", to: "version_done" },
    ins("test rax, rax", 0x48, 0x85, 0xc0),
    { jump: "js", to: "version_done" },
    ins(`cmp DWORD PTR [rsi+${submap_idx.offset}], 0`, 0x83, 0x3e, 0),
    { jump: "jnz", to: "version_done" },
    ins(`or DWORD PTR [rsi+${submap.offset}], ${feature}`, 0x83, 0x4e, submap.offset, feature),
    { label: "version_done" },
    RET,
  ];
}
