/* struct start_info and struct shared_info of 64-bit guests (public/xen.h). */
#pragma once
#include <stddef.h>
#include <stdint.h>

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

struct vcpu_info {
  uint8_t upcall_pending;
  uint8_t upcall_mask;
  uint64_t pending_sel;
  uint64_t cr2;
  uint64_t pad;
  uint32_t time_version;
  uint32_t pad0;
  uint64_t tsc_timestamp;
  uint64_t system_time;
  uint32_t tsc_to_system_mul;
  int8_t tsc_shift;
  uint8_t time_flags;
};

struct shared_info {
  struct vcpu_info vcpu_info[32];
  uint64_t evtchn_pending[64];
  uint64_t evtchn_mask[64];
  uint32_t wallclock[4];
  uint64_t arch[6];
};

_Static_assert(sizeof(struct vcpu_info) == 64, "vcpu_info");
_Static_assert(sizeof(struct shared_info) == 3136, "shared_info");

#define VIRT_BASE 0xffffffff80000000ull

/* Saved by the first instructions. */
extern struct start_info *start_info;
