#include "acpi.h"
#include "start-info.h"
#include "text.h"

#define RSDP_REVISION 15
#define RSDP_RSDT 16
#define RSDP_XSDT 24
#define TABLE_HEADER 36
#define FADT_DSDT 40
#define FADT_PM1A_CONTROL 64

static const void *pointer(uint64_t address) {
  return address >> 32 ? NULL : (const void *)(uintptr_t)address;
}

static uint32_t read_u32(const void *at, uint32_t offset) {
  uint32_t value;
  memcpy(&value, (const uint8_t *)at + offset, sizeof value);
  return value;
}

static uint64_t read_u64(const void *at, uint32_t offset) {
  return read_u32(at, offset) | (uint64_t)read_u32(at, offset + 4) << 32;
}

bool acpi_sum_is_zero(const void *bytes, uint32_t size) {
  uint8_t sum = 0;
  for (uint32_t i = 0; i < size; i++) sum = (uint8_t)(sum + ((const uint8_t *)bytes)[i]);
  return sum == 0;
}

static const struct acpi_table *rsdt(void) {
  const uint8_t *rsdp = pointer(start_info->rsdp);
  return rsdp ? pointer(read_u32(rsdp, RSDP_RSDT)) : NULL;
}

const struct acpi_table *acpi_xsdt(void) {
  const uint8_t *rsdp = pointer(start_info->rsdp);
  return rsdp && rsdp[RSDP_REVISION] >= 2 ? pointer(read_u64(rsdp, RSDP_XSDT)) : NULL;
}

const struct acpi_table *acpi_find(const char signature[4]) {
  const struct acpi_table *xsdt = acpi_xsdt();
  const struct acpi_table *list = xsdt ? xsdt : rsdt();
  uint32_t entry = xsdt ? 8 : 4;
  if (!list || list->length > 4096) return NULL;
  for (uint32_t at = TABLE_HEADER; at + entry <= list->length; at += entry) {
    const struct acpi_table *table = pointer(xsdt ? read_u64(list, at) : read_u32(list, at));
    if (table && !memcmp(table->signature, signature, 4)) return table;
  }
  return NULL;
}

const struct acpi_table *acpi_dsdt(void) {
  const struct acpi_table *fadt = acpi_find("FACP");
  return fadt ? pointer(read_u32(fadt, FADT_DSDT)) : NULL;
}

/* A byte constant in AML: ByteConst (0x0a), Zero or One. */
static uint8_t aml_byte(const uint8_t *aml) {
  return aml[0] == 0x0a ? aml[1] : aml[0];
}

/* Looks for Name (_S5, Package () {SLP_TYPa, ...}) without interpreting AML. */
bool acpi_find_s5(struct acpi_sleep *sleep) {
  const struct acpi_table *fadt = acpi_find("FACP");
  const struct acpi_table *dsdt = acpi_dsdt();
  if (!dsdt || dsdt->length > 0x100000) return false;
  const uint8_t *aml = (const uint8_t *)dsdt;
  for (uint32_t i = TABLE_HEADER; i + 12 <= dsdt->length; i++) {
    if (memcmp(aml + i, "_S5_", 4) || aml[i + 4] != 0x12) continue;
    uint32_t length_bytes = 1 + (aml[i + 5] >> 6u);
    sleep->type = aml_byte(aml + i + 5 + length_bytes + 1);
    sleep->control_port = (uint16_t)read_u32(fadt, FADT_PM1A_CONTROL);
    return sleep->control_port != 0;
  }
  return false;
}
