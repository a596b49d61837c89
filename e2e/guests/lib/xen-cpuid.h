/* Xen's CPUID leaves. */
#pragma once
#include "cpu.h"
#include "text.h"

#define CPUID_HYPERVISOR_BASE 0x40000000u
#define CPUID_HYPERVISOR_END 0x40010000u

static inline bool cpuid_signature_is(uint32_t base, const char signature[12]) {
  struct cpuid leaf = cpuid(base);
  return !memcmp(&leaf.ebx, signature, 4) && !memcmp(&leaf.ecx, signature + 4, 4) &&
         !memcmp(&leaf.edx, signature + 8, 4);
}

/* The base of Xen's leaves, or 0. Xen uses the second slot when it also offers Viridian's. */
static inline uint32_t xen_cpuid_base(void) {
  for (uint32_t base = CPUID_HYPERVISOR_BASE; base <= CPUID_HYPERVISOR_BASE + 0x100; base += 0x100)
    if (cpuid_signature_is(base, "XenVMMXenVMM")) return base;
  return 0;
}
