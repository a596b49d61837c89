/*
 * shared_info and each vCPU's vcpu_info, wherever this guest has them. Classic guests get a mapped page from the loader,
 * direct guests put it where they like.
 */
#pragma once
#include <stdint.h>
#include "xen-shared-info.h"

extern volatile struct shared_info *shared_info;

/* Finds shared_info (classic), or has it placed over a page of this guest's own (direct). Once, before any other use. */
void shared_info_map(void);

/* XENMEM_add_to_physmap of shared_info to a frame; what was there is gone. Does not change `shared_info`. */
long shared_info_place(unsigned long frame);

/* Where the hypervisor keeps this vCPU's vcpu_info now: in shared_info, or where it was registered. */
volatile struct vcpu_info *vcpu_info(unsigned vcpu);

/* VCPUOP_register_vcpu_info; `place` must not cross a page. From then on vcpu_info() is `place`. */
long register_vcpu_info(unsigned vcpu, volatile struct vcpu_info *place);
