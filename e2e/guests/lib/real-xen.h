/*
 * Which hypervisor runs the guest, where that makes a difference. The word `xen=4.17` on the command line says that it is Xen
 * itself, of that release; without it, it is this project's own, which shows classic guests a Xen 4.6 and direct guests
 * a 4.17, and is stricter than those in some places. What a guest expects of Xen instead stands beside each check.
 */
#pragma once
#include <stdint.h>

#define XEN_RELEASE(major, minor) ((major) * 1000u + (minor))

/* The release in that form; 0 on this project's hypervisor. */
uint32_t real_xen(void);
