/* The few ACPI structures that a power off needs. Direct guests run without paging, so addresses are pointers. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct acpi_table {
  char signature[4];
  uint32_t length;
  uint8_t revision;
  uint8_t checksum;
};

struct acpi_sleep {
  uint16_t control_port;
  uint8_t type;
};

bool acpi_sum_is_zero(const void *bytes, uint32_t size);
/* Any table that the XSDT, or else the RSDT, lists; NULL when there is none. */
const struct acpi_table *acpi_find(const char signature[4]);
const struct acpi_table *acpi_xsdt(void);
const struct acpi_table *acpi_dsdt(void);
bool acpi_find_s5(struct acpi_sleep *sleep);
