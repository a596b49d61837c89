/* How other vCPUs enter, and contexts that VCPUOP_initialise must refuse; in the way of each boot interface. */
#pragma once

void check_entry_state(unsigned vcpu);
/* Leaves the vCPU without a context. */
void check_contexts_refused(unsigned vcpu);
