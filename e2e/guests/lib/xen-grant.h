/* GRANT_TABLE_OP and version 1 of the table (public/grant_table.h). */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum {
  GNTTABOP_MAP_GRANT_REF = 0,
  GNTTABOP_UNMAP_GRANT_REF = 1,
  GNTTABOP_SETUP_TABLE = 2,
  GNTTABOP_DUMP_TABLE = 3,
  GNTTABOP_TRANSFER = 4,
  GNTTABOP_COPY = 5,
  GNTTABOP_QUERY_SIZE = 6,
  GNTTABOP_UNMAP_AND_REPLACE = 7,
  GNTTABOP_SET_VERSION = 8,
  GNTTABOP_GET_STATUS_FRAMES = 9,
  GNTTABOP_GET_VERSION = 10,
  GNTTABOP_SWAP_GRANT_REF = 11,
  GNTTABOP_CACHE_FLUSH = 12,
};

/* Statuses in the structures; a hypercall that returns 0 may still have failed by them. */
enum {
  GNTST_OKAY = 0,
  GNTST_GENERAL_ERROR = -1,
  GNTST_BAD_DOMAIN = -2,
  GNTST_BAD_GNTREF = -3,
  GNTST_BAD_HANDLE = -4,
  GNTST_BAD_VIRT_ADDR = -5,
  GNTST_NO_DEVICE_SPACE = -7,
  GNTST_PERMISSION_DENIED = -8,
  GNTST_BAD_PAGE = -9,
  GNTST_BAD_COPY_ARG = -10,
  GNTST_ADDRESS_TOO_BIG = -11,
  GNTST_EAGAIN = -12,
};

enum { GTF_INVALID = 0, GTF_PERMIT_ACCESS = 1, GTF_READONLY = 1 << 2, GTF_READING = 1 << 3, GTF_WRITING = 1 << 4 };
enum { GNTMAP_DEVICE_MAP = 1, GNTMAP_HOST_MAP = 2, GNTMAP_READONLY = 4, GNTMAP_CONTAINS_PTE = 16 };
enum { GNTCOPY_SOURCE_GREF = 1, GNTCOPY_DEST_GREF = 2 };

struct grant_entry {
  uint16_t flags;
  uint16_t domid;
  uint32_t frame;
};

struct gnttab_map_grant_ref {
  uint64_t host_addr;
  uint32_t flags;
  uint32_t ref;
  uint16_t dom;
  int16_t status;
  uint32_t handle;
  uint64_t dev_bus_addr;
};

struct gnttab_unmap_grant_ref {
  uint64_t host_addr;
  uint64_t dev_bus_addr;
  uint32_t handle;
  int16_t status;
};

struct gnttab_setup_table {
  uint16_t dom;
  uint32_t nr_frames;
  int16_t status;
  unsigned long *frame_list;
};

struct gnttab_copy_end {
  union {
    uint32_t ref;
    unsigned long gmfn;
  };
  uint16_t domid;
  uint16_t offset;
};

struct gnttab_copy {
  struct gnttab_copy_end source, dest;
  uint16_t len;
  uint16_t flags;
  int16_t status;
};

struct gnttab_query_size {
  uint16_t dom;
  uint32_t nr_frames;
  uint32_t max_nr_frames;
  int16_t status;
};

struct gnttab_set_version {
  uint32_t version;
};

struct gnttab_get_version {
  uint16_t dom;
  uint16_t pad;
  uint32_t version;
};

struct gnttab_swap_grant_ref {
  uint32_t ref_a;
  uint32_t ref_b;
  int16_t status;
};

_Static_assert(sizeof(struct grant_entry) == 8, "grant_entry_v1");
_Static_assert(sizeof(struct gnttab_map_grant_ref) == 32, "gnttab_map_grant_ref");
_Static_assert(sizeof(struct gnttab_unmap_grant_ref) == 24, "gnttab_unmap_grant_ref");
_Static_assert(sizeof(struct gnttab_setup_table) == (sizeof(long) == 8 ? 24 : 16), "gnttab_setup_table");
_Static_assert(sizeof(struct gnttab_copy) == (sizeof(long) == 8 ? 40 : 24), "gnttab_copy");
_Static_assert(sizeof(struct gnttab_query_size) == 16, "gnttab_query_size");
