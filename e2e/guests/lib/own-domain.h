/* What the guest can find out about itself without the store. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* The guest's domain id, from an event channel that it offers to itself. */
unsigned own_domid(void);
/* HVM_PARAM `index`; false, and the value unchanged, when it is refused. */
bool hvm_param(uint32_t index, uint64_t *value);
