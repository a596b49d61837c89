import { expect, test } from "vitest";
import { type HeaderCheck, headerMismatches, headersMissing } from "../header-check.testing.ts";
import { E820_TYPE } from "../x86/e820.ts";
import * as args from "./arguments.ts";
import * as cpuid from "./cpuid.ts";
import { HVM_PARAM } from "./hvm-params.ts";
import * as start from "./hvm-start-info.ts";
import * as calls from "./hypercalls.ts";
import * as shared from "./shared-info.ts";
import { MAX_GUEST_CMDLINE, SIF, startInfo } from "./start-info.ts";
import * as vcpu from "./vcpu-context.ts";

const check: HeaderCheck = {
  prelude: ["#define __XEN_TOOLS__"],
  includes: [
    "xen/xen.h",
    "xen/sched.h",
    "xen/memory.h",
    "xen/version.h",
    "xen/vcpu.h",
    "xen/event_channel.h",
    "xen/grant_table.h",
    "xen/errno.h",
    "xen/arch-x86/cpuid.h",
    "xen/arch-x86/hvm/start_info.h",
    "xen/hvm/hvm_vcpu.h",
    "xen/hvm/hvm_op.h",
    "xen/hvm/params.h",
  ],
  structs: [
    {
      c: "struct start_info",
      codec: startInfo,
      names: { console_mfn: "console.domU.mfn", console_evtchn: "console.domU.evtchn" },
    },
    { c: "struct vcpu_time_info", codec: shared.vcpuTimeInfo },
    { c: "struct vcpu_info", codec: shared.vcpuInfo, names: { arch_cr2: "arch.cr2" } },
    { c: "struct arch_shared_info", codec: shared.archSharedInfo },
    { c: "struct shared_info", codec: shared.sharedInfo },
    { c: "struct hvm_start_info", codec: start.hvmStartInfo },
    { c: "struct hvm_modlist_entry", codec: start.hvmModlistEntry },
    { c: "struct hvm_memmap_table_entry", codec: start.hvmMemmapTableEntry },
    { c: "struct cpu_user_regs", codec: vcpu.cpuUserRegs },
    { c: "struct vcpu_guest_context", codec: vcpu.vcpuGuestContext },
    { c: "struct vcpu_hvm_x86_32", codec: vcpu.vcpuHvmX86_32 },
    { c: "struct vcpu_hvm_x86_64", codec: vcpu.vcpuHvmX86_64 },
    { c: "struct vcpu_hvm_context", codec: vcpu.vcpuHvmContext },
    { c: "struct xen_memory_map", codec: args.xenMemoryMap },
    { c: "struct xen_add_to_physmap", codec: args.xenAddToPhysmap },
    { c: "struct xen_hvm_param", codec: args.xenHvmParam },
    { c: "struct xen_feature_info", codec: args.xenFeatureInfo },
    { c: "struct sched_shutdown", codec: args.schedShutdown },
  ],
  constants: {
    ...prefixed("__HYPERVISOR_", calls.HYPERCALL),
    ...prefixed("SCHEDOP_", calls.SCHEDOP),
    ...prefixed("SHUTDOWN_", calls.SHUTDOWN),
    ...prefixed("XENMEM_", calls.XENMEM),
    ...prefixed("XENMAPSPACE_", calls.XENMAPSPACE),
    ...prefixed("CONSOLEIO_", calls.CONSOLEIO),
    ...prefixed("VCPUOP_", calls.VCPUOP),
    ...prefixed("EVTCHNOP_", calls.EVTCHNOP),
    ...prefixed("GNTTABOP_", calls.GNTTABOP),
    ...prefixed("HVMOP_", calls.HVMOP),
    ...prefixed("VIRQ_", calls.VIRQ),
    ...prefixed("XEN_", calls.XEN_ERRNO),
    ...prefixed("XENVER_", calls.XENVER),
    ...prefixed("HVM_PARAM_", HVM_PARAM),
    ...prefixed("SIF_", SIF),
    ...prefixed("VGCF_", vcpu.VGCF),
    ...prefixed("XEN_CPUID_SIGNATURE_", cpuid.XEN_CPUID_SIGNATURE),
    ...prefixed("XEN_HVM_CPUID_", cpuid.XEN_HVM_CPUID),
    XEN_CPUID_MAX_NUM_LEAVES: cpuid.XEN_CPUID_MAX_NUM_LEAVES,
    XEN_HVM_START_MAGIC_VALUE: start.HVM_START_MAGIC,
    MAX_GUEST_CMDLINE,
    XEN_LEGACY_MAX_VCPUS: shared.LEGACY_MAX_VCPUS,
    DOMID_SELF: calls.DOMID.SELF,
    DOMID_IDLE: calls.DOMID.IDLE,
    VCPU_HVM_MODE_32B: vcpu.VCPU_HVM_MODE.MODE_32B,
    VCPU_HVM_MODE_64B: vcpu.VCPU_HVM_MODE.MODE_64B,
    ...Object.fromEntries(
      Object.entries(E820_TYPE).map(([name, value]) => [`XEN_HVM_MEMMAP_TYPE_${name.toUpperCase()}`, value]),
    ),
  },
};

function prefixed(prefix: string, values: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [prefix + name, value]));
}

test("structures and constants agree with Xen's public headers", (context) => {
  const missing = headersMissing(check, "install libxen-dev and a C compiler");
  if (missing !== undefined) context.skip(missing);
  expect(headerMismatches(check)).toEqual([]);
});
