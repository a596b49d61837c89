/* Accesses to MSRs that may fault. Needs interrupts_init; direct guests only. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* From now on general protection faults of these functions come back. */
void faults_catch(void);
/* Whether the access ended in a general protection fault. */
bool write_msr_faults(uint32_t index, uint64_t value);
bool read_msr_faults(uint32_t index);
