/* The ACPI tables of both platforms, and what a direct guest finds on the bare one, where it powers off by them. */
#include "acpi.h"
#include "checks.h"
#include "console.h"
#include "cpu.h"
#include "text.h"
#include "verdict.h"
#include "xen-cpuid.h"

#define RSDP_REVISION 15
#define RSDP_SIZE 36

static void check_rsdp(void) {
  const uint8_t *rsdp = physical(start_info->rsdp);
  check_text("rsdp-signature", (const char *)rsdp, 8, "RSD PTR ");
  check("rsdp-revision", rsdp[RSDP_REVISION] >= 2, rsdp[RSDP_REVISION], "2 or later");
  check_equal("rsdp-checksum", acpi_sum_is_zero(rsdp, 20), true);
  check_equal("rsdp-extended-checksum", acpi_sum_is_zero(rsdp, RSDP_SIZE), true);
}

static void check_table(const char *name, const struct acpi_table *table) {
  bool usable = table && table->length >= 36 && table->length < 0x100000;
  check(name, usable && acpi_sum_is_zero(table, table->length), (uintptr_t)table, "a table whose bytes sum to zero");
}

bool check_acpi_tables(void) {
  check("rsdp", !(start_info->rsdp >> 32) && !(start_info->rsdp & 15) && is_acpi(start_info->rsdp, RSDP_SIZE),
        start_info->rsdp, "an aligned address below 4 GiB in ACPI memory");
  if (start_info->rsdp >> 32 || !is_acpi(start_info->rsdp, RSDP_SIZE)) return false;
  trying("read the ACPI tables");
  check_rsdp();
  check_table("xsdt", acpi_xsdt());
  check_table("fadt", acpi_find("FACP"));
  check_table("madt", acpi_find("APIC"));
  check_table("dsdt", acpi_dsdt());
  return true;
}

void check_bare(void) {
  struct acpi_sleep sleep = {0, 0};
  print("platform - bare\n");
  if (!check_acpi_tables()) return;
  check("s5", acpi_find_s5(&sleep), sleep.control_port, "a PM1a control port and an _S5 package");
  check_equal("no-xen-leaves", xen_cpuid_base(), 0);
}
