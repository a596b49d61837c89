import { expect, test } from "vitest";
import { type HeaderCheck, headerMismatches, headersMissing } from "../header-check.testing.ts";
import * as domctl from "./domctl.ts";

const check: HeaderCheck = {
  prelude: ["#define __XEN_TOOLS__"],
  includes: ["xenctrl.h"],
  structs: [
    {
      c: "struct xen_domctl_createdomain",
      codec: domctl.createDomain4_17,
      names: { emulation_flags: "arch.emulation_flags", misc_flags: "arch.misc_flags" },
    },
    { c: "xc_domaininfo_t", codec: domctl.domainInfo },
    { c: "xc_physinfo_t", codec: domctl.physInfo },
    { c: "xc_cpupoolinfo_t", codec: domctl.cpupoolInfo },
    { c: "struct xen_domctl_sched_credit", codec: domctl.schedCredit },
    { c: "struct xen_domctl_sched_credit2", codec: domctl.schedCredit },
  ],
  constants: {
    ...prefixed("XEN_DOMCTL_CDF_", domctl.CDF),
    ...prefixed("XEN_X86_EMU_", domctl.XEN_X86_EMU),
    ...prefixed("XEN_X86_", domctl.XEN_X86_MISC),
    ...prefixed("XEN_DOMINF_", domctl.DOMINF),
    XEN_DOMINF_shutdownshift: domctl.DOMINF_SHUTDOWN_SHIFT,
    XEN_DOMINF_shutdownmask: domctl.DOMINF_SHUTDOWN_MASK,
    ...prefixed("XEN_SYSCTL_PHYSCAP_", domctl.PHYSCAP),
    ...prefixed("XEN_VCPUAFFINITY_", domctl.VCPUAFFINITY),
    ...Object.fromEntries(
      Object.entries(domctl.SENDTRIGGER).map(([name, value]) => [
        `XEN_DOMCTL_SENDTRIGGER_${name.toUpperCase()}`,
        value,
      ]),
    ),
  },
};

function prefixed(prefix: string, values: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [prefix + name, value]));
}

// The headers are those of 4.17; later layouts are held to the table of the reference by their sizes alone.
test("a toolstack's structures agree with the headers of Xen 4.17", (context) => {
  const missing = headersMissing(check, "install libxen-dev and a C compiler");
  if (missing !== undefined) context.skip(missing);
  expect(headerMismatches(check)).toEqual([]);
});
