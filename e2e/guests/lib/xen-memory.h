/* MEMORY_OP (public/memory.h), as guests of 32 and 64 bits lay it out. */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum {
  XENMEM_INCREASE_RESERVATION = 0,
  XENMEM_DECREASE_RESERVATION = 1,
  XENMEM_MAXIMUM_RAM_PAGE = 2,
  XENMEM_CURRENT_RESERVATION = 3,
  XENMEM_MAXIMUM_RESERVATION = 4,
  XENMEM_POPULATE_PHYSMAP = 6,
  XENMEM_ADD_TO_PHYSMAP = 7,
  XENMEM_MACHINE_MEMORY_MAP = 10,
  XENMEM_EXCHANGE = 11,
  XENMEM_MACHPHYS_MAPPING = 12,
  XENMEM_SET_MEMORY_MAP = 13,
  XENMEM_MAXIMUM_GPFN = 14,
  XENMEM_REMOVE_FROM_PHYSMAP = 15,
  XENMEM_ADD_TO_PHYSMAP_BATCH = 23,
};

enum {
  XENMAPSPACE_SHARED_INFO = 0,
  XENMAPSPACE_GRANT_TABLE = 1,
  XENMAPSPACE_GMFN = 2,
  XENMAPSPACE_GMFN_RANGE = 3,
  XENMAPSPACE_GMFN_FOREIGN = 4,
  XENMAPSPACE_DEV_MMIO = 5,
};

struct xen_memory_reservation {
  unsigned long *extents;
  unsigned long nr_extents;
  uint32_t extent_order;
  uint32_t mem_flags;
  uint16_t domid;
};

struct xen_add_to_physmap {
  uint16_t domid;
  uint16_t size;
  uint32_t space;
  unsigned long idx;
  unsigned long gpfn;
};

struct xen_remove_from_physmap {
  uint16_t domid;
  unsigned long gpfn;
};

struct xen_add_to_physmap_batch {
  uint16_t domid;
  uint16_t space;
  uint16_t size;
  uint16_t reserved;
  unsigned long *idxs;
  unsigned long *gpfns;
  int *errs;
};

_Static_assert(sizeof(struct xen_memory_reservation) == (sizeof(long) == 8 ? 32 : 20), "xen_memory_reservation");
_Static_assert(sizeof(struct xen_add_to_physmap) == (sizeof(long) == 8 ? 24 : 16), "xen_add_to_physmap");
_Static_assert(sizeof(struct xen_remove_from_physmap) == (sizeof(long) == 8 ? 16 : 8), "xen_remove_from_physmap");
_Static_assert(sizeof(struct xen_add_to_physmap_batch) == (sizeof(long) == 8 ? 32 : 20), "xen_add_to_physmap_batch");

struct xen_memory_domain {
  uint16_t domid;
};
