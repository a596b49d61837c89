import { expect, test } from "vitest";
import { type HeaderCheck, headerMismatches, headersMissing } from "../header-check.testing.ts";
import * as features from "../x86/cpuid.ts";
import { E820_TYPE } from "../x86/e820.ts";
import * as args from "./arguments.ts";
import * as cpuid from "./cpuid.ts";
import * as grants from "./grant-table.ts";
import { HVM_PARAM } from "./hvm-params.ts";
import * as save from "./hvm-save.ts";
import * as start from "./hvm-start-info.ts";
import * as calls from "./hypercalls.ts";
import { xenconsInterface } from "./io/console.ts";
import * as netif from "./io/netif.ts";
import * as shared from "./shared-info.ts";
import { MAX_GUEST_CMDLINE, SIF, startInfo } from "./start-info.ts";
import * as vcpu from "./vcpu-context.ts";
import * as store from "./xenstore.ts";

const check: HeaderCheck = {
  prelude: ["#define __XEN_TOOLS__"],
  includes: [
    "xen/xen.h",
    "xen/domctl.h",
    "xen/sched.h",
    "xen/memory.h",
    "xen/version.h",
    "xen/vcpu.h",
    "xen/event_channel.h",
    "xen/grant_table.h",
    "xen/errno.h",
    "xen/arch-x86/cpuid.h",
    "xen/arch-x86/cpufeatureset.h",
    "xen/arch-x86/hvm/start_info.h",
    "xen/hvm/hvm_vcpu.h",
    "xen/hvm/hvm_op.h",
    "xen/hvm/params.h",
    "xen/hvm/save.h",
    "xen/io/console.h",
    "xen/io/netif.h",
    "xen/io/xs_wire.h",
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
    { c: "struct hvm_save_descriptor", codec: save.hvmSaveDescriptor },
    { c: "struct hvm_save_header", codec: save.hvmSaveHeader },
    { c: "struct hvm_hw_cpu", codec: save.hvmHwCpu },
    { c: "struct hvm_hw_mtrr", codec: save.hvmHwMtrr },
    { c: "struct xen_memory_map", codec: args.xenMemoryMap },
    { c: "struct xen_add_to_physmap", codec: args.xenAddToPhysmap },
    { c: "struct xen_hvm_param", codec: args.xenHvmParam },
    { c: "struct xsd_sockmsg", codec: store.xsdSockmsg },
    { c: "struct xenstore_domain_interface", codec: store.xenstoreDomainInterface },
    { c: "struct xen_feature_info", codec: args.xenFeatureInfo },
    { c: "struct sched_shutdown", codec: args.schedShutdown },
    { c: "struct sched_poll", codec: args.schedPoll },
    { c: "struct sched_watchdog", codec: args.schedWatchdog },
    { c: "struct xen_memory_reservation", codec: args.xenMemoryReservation },
    { c: "struct xen_remove_from_physmap", codec: args.xenRemoveFromPhysmap },
    { c: "struct xen_add_to_physmap_batch", codec: args.xenAddToPhysmapBatch, names: { extra: "u.res0" } },
    { c: "struct mmuext_op", codec: args.mmuextOp },
    { c: "struct multicall_entry", codec: args.multicallEntry },
    { c: "struct vcpu_runstate_info", codec: args.vcpuRunstateInfo },
    { c: "struct vcpu_set_singleshot_timer", codec: args.vcpuSetSingleshotTimer },
    { c: "struct vcpu_register_vcpu_info", codec: args.vcpuRegisterVcpuInfo },
    { c: "struct xen_hvm_evtchn_upcall_vector", codec: args.xenHvmEvtchnUpcallVector },
    { c: "struct evtchn_alloc_unbound", codec: args.evtchnAllocUnbound },
    { c: "struct evtchn_bind_interdomain", codec: args.evtchnBindInterdomain },
    { c: "struct evtchn_bind_virq", codec: args.evtchnBindVirq },
    { c: "struct evtchn_bind_ipi", codec: args.evtchnBindIpi },
    {
      c: "struct evtchn_status",
      codec: args.evtchnStatus,
      names: { remote_dom: "u.interdomain.dom", value: "u.interdomain.port" },
    },
    { c: "struct evtchn_bind_vcpu", codec: args.evtchnBindVcpu },
    { c: "struct evtchn_init_control", codec: args.evtchnInitControl },
    { c: "struct evtchn_set_priority", codec: args.evtchnSetPriority },
    { c: "struct xencons_interface", codec: xenconsInterface },
    { c: "struct grant_entry_v1", codec: grants.grantEntryV1 },
    { c: "struct gnttab_map_grant_ref", codec: grants.gnttabMapGrantRef },
    { c: "struct gnttab_unmap_grant_ref", codec: grants.gnttabUnmapGrantRef },
    { c: "struct gnttab_setup_table", codec: grants.gnttabSetupTable },
    {
      c: "struct gnttab_copy",
      codec: grants.gnttabCopy,
      names: {
        source: "source.u",
        source_domid: "source.domid",
        source_offset: "source.offset",
        dest: "dest.u",
        dest_domid: "dest.domid",
        dest_offset: "dest.offset",
      },
    },
    { c: "struct gnttab_query_size", codec: grants.gnttabQuerySize },
    { c: "struct gnttab_set_version", codec: grants.gnttabSetVersion },
    { c: "struct gnttab_get_version", codec: grants.gnttabGetVersion },
    { c: "struct gnttab_swap_grant_ref", codec: grants.gnttabSwapGrantRef },
    { c: "struct netif_tx_request", codec: netif.netifTxRequest },
    { c: "struct netif_tx_response", codec: netif.netifTxResponse },
    { c: "struct netif_rx_request", codec: netif.netifRxRequest },
    { c: "struct netif_rx_response", codec: netif.netifRxResponse },
    {
      c: "struct netif_extra_info",
      codec: netif.netifExtraGso,
      names: { size: "u.gso.size", gso_type: "u.gso.type", features: "u.gso.features" },
    },
    { c: "struct netif_extra_info", codec: netif.netifExtraMcast, names: { addr: "u.mcast.addr" } },
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
    ...prefixed("GTF_", grants.GTF),
    ...prefixed("GNTMAP_", grants.GNTMAP),
    ...prefixed("GNTCOPY_", grants.GNTCOPY),
    ...prefixed("GNTST_", grants.GNTST),
    ...prefixed("GNTTAB_RESERVED_", grants.GNTTAB_RESERVED),
    ...prefixed("NETTXF_", netif.NETTXF),
    ...prefixed("NETRXF_", netif.NETRXF),
    ...prefixed("NETIF_RSP_", netif.NETIF_RSP),
    ...prefixed("XEN_NETIF_EXTRA_TYPE_", netif.XEN_NETIF_EXTRA_TYPE),
    ...prefixed("XEN_NETIF_GSO_TYPE_", netif.XEN_NETIF_GSO_TYPE),
    XEN_NETIF_EXTRA_FLAG_MORE: netif.XEN_NETIF_EXTRA_FLAG_MORE,
    XEN_NETIF_NR_SLOTS_MIN: netif.XEN_NETIF_NR_SLOTS_MIN,
    XEN_NETIF_MAX_TX_SIZE: netif.XEN_NETIF_MAX_TX_SIZE,
    ...prefixed("MMUEXT_", calls.MMUEXT),
    ...prefixed("VIRQ_", calls.VIRQ),
    ...prefixed("XEN_", calls.XEN_ERRNO),
    ...prefixed("XENVER_", calls.XENVER),
    ...prefixed("XS_", store.XS),
    ...prefixed("XENSTORE_SERVER_FEATURE_", store.XENSTORE_SERVER_FEATURE),
    ...prefixed("XENSTORE_ERROR_", store.XENSTORE_ERROR),
    XENSTORE_CONNECTED: store.XENSTORE_CONNECTION.CONNECTED,
    XENSTORE_RECONNECT: store.XENSTORE_CONNECTION.RECONNECT,
    XENSTORE_RING_SIZE: store.XENSTORE_RING_SIZE,
    XENSTORE_PAYLOAD_MAX: store.XENSTORE_PAYLOAD_MAX,
    XENSTORE_REL_PATH_MAX: store.XENSTORE_REL_PATH_MAX,
    ...prefixed("HVM_PARAM_", HVM_PARAM),
    ...prefixed("SIF_", SIF),
    ...prefixed("VGCF_", vcpu.VGCF),
    ...prefixed("XEN_CPUID_SIGNATURE_", cpuid.XEN_CPUID_SIGNATURE),
    ...prefixed("XEN_HVM_CPUID_", cpuid.XEN_HVM_CPUID),
    ...saveCodes(save.HVM_SAVE_CODE),
    HVM_FILE_MAGIC: save.HVM_FILE_MAGIC,
    HVM_FILE_VERSION: save.HVM_FILE_VERSION,
    XEN_X86_FPU_INITIALISED: save.XEN_X86_FPU_INITIALISED,
    ...featureBits(0, features.CPUID_1_EDX),
    ...featureBits(1, features.CPUID_1_ECX),
    ...featureBits(2, features.CPUID_EXT1_EDX),
    ...featureBits(3, features.CPUID_EXT1_ECX),
    ...featureBits(5, features.CPUID_7_EBX),
    XEN_CPUID_NO_SUBLEAF: cpuid.XEN_CPUID_NO_SUBLEAF,
    XEN_CPUID_INPUT_UNUSED: cpuid.XEN_CPUID_INPUT_UNUSED,
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

function saveCodes(codes: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(codes).map(([name, code]) => [`HVM_SAVE_CODE(${name})`, code]));
}

/** Xen numbers the bits of all feature registers through; `word` says which register it is. */
function featureBits(word: number, bits: Record<string, number>): Record<string, number> {
  const numbered = Object.entries(bits).map(([name, bit]) => [name, word * 32 + bit]);
  return prefixed("XEN_X86_FEATURE_", Object.fromEntries(numbered));
}

test("structures and constants agree with Xen's public headers", (context) => {
  const missing = headersMissing(check, "install libxen-dev and a C compiler");
  if (missing !== undefined) context.skip(missing);
  expect(headerMismatches(check)).toEqual([]);
});
