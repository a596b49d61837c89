/* struct start_info of 64-bit guests (public/xen.h). */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "xen-shared-info.h"

struct start_info {
  char magic[32];
  uint64_t nr_pages;
  uint64_t shared_info;
  uint32_t flags;
  uint64_t store_mfn;
  uint32_t store_evtchn;
  uint64_t console_mfn;
  uint32_t console_evtchn;
  uint64_t pt_base;
  uint64_t nr_pt_frames;
  uint64_t mfn_list;
  uint64_t mod_start;
  uint64_t mod_len;
  char cmd_line[1024];
  uint64_t first_p2m_pfn;
  uint64_t nr_p2m_frames;
};

_Static_assert(sizeof(struct start_info) == 1168, "start_info");
_Static_assert(offsetof(struct start_info, console_evtchn) == 80, "start_info.console.domU.evtchn");
_Static_assert(offsetof(struct start_info, cmd_line) == 128, "start_info.cmd_line");

#define VIRT_BASE 0xffffffff80000000ull

/* Saved by the first instructions. */
extern struct start_info *start_info;
