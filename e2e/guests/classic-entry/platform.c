/* What the guest sees around it: CPUID leaves and absent I/O ports. */
#include "checks.h"
#include "cpu.h"
#include "hypercall.h"
#include "text.h"
#include "verdict.h"
#include "xen-cpuid.h"

#define HYPERVISOR_PRESENT (1u << 31)
/* No device of any platform is here. */
#define ABSENT_PORT 0x7770

void check_platform(void) {
  uint64_t foreign = 0;
  check_bits("cpuid-hypervisor-bit", cpuid(1).ecx, HYPERVISOR_PRESENT, HYPERVISOR_PRESENT);
  uint32_t base = xen_cpuid_base();
  check("cpuid-xen", base == CPUID_HYPERVISOR_BASE, base, "XenVMMXenVMM at 0x40000000");
  check("cpuid-xen-leaves", cpuid(CPUID_HYPERVISOR_BASE).eax >= CPUID_HYPERVISOR_BASE + 2,
        cpuid(CPUID_HYPERVISOR_BASE).eax, "at least 0x40000002");
  check_equal("cpuid-xen-version", cpuid(CPUID_HYPERVISOR_BASE + 1).eax,
              (uint64_t)hypercall(HYPERCALL_XEN_VERSION, XENVER_VERSION, 0, 0));
  check_equal("cpuid-hypercall-pages", cpuid(CPUID_HYPERVISOR_BASE + 2).eax, 1);
  /* Linux looks for a signature at every 0x100; KVM's would make it use KVM's clock and interrupts. */
  for (uint32_t leaf = CPUID_HYPERVISOR_BASE; leaf < CPUID_HYPERVISOR_END; leaf += 0x100)
    foreign += cpuid_signature_is(leaf, "KVMKVMKVM\0\0");
  check_equal("cpuid-no-kvm", foreign, 0);
  trying("read an absent port");
  check_equal("absent-port-8", in8(ABSENT_PORT), 0xff);
  check_equal("absent-port-16", in16(ABSENT_PORT), 0xffff);
  check_equal("absent-port-32", in32(ABSENT_PORT), 0xffffffff);
}
