/* struct shared_info and struct vcpu_info (public/xen.h), as guests of 32 and 64 bits see them. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define LEGACY_MAX_VCPUS 32
#define LONG_BITS (8 * sizeof(unsigned long))

/* struct vcpu_time_info, by itself what VCPUOP_register_vcpu_time_memory_area fills. */
struct vcpu_time {
  uint32_t version;
  uint32_t pad0;
  uint64_t tsc_timestamp;
  uint64_t system_time;
  uint32_t tsc_to_system_mul;
  int8_t tsc_shift;
  uint8_t flags;
  uint8_t pad1[2];
};

struct vcpu_info {
  uint8_t upcall_pending;
  uint8_t upcall_mask;
  unsigned long pending_sel;
  unsigned long cr2;
  unsigned long pad[sizeof(long) == 8 ? 1 : 5];
  struct vcpu_time time;
};

struct shared_info {
  struct vcpu_info vcpu_info[LEGACY_MAX_VCPUS];
  unsigned long evtchn_pending[8 * sizeof(long)];
  unsigned long evtchn_mask[8 * sizeof(long)];
  uint32_t wc_version;
  uint32_t wc_sec;
  uint32_t wc_nsec;
#ifdef __x86_64__
  uint32_t wc_sec_hi;
#endif
  unsigned long arch[6];
#ifndef __x86_64__
  uint32_t wc_sec_hi;
#endif
};

/* Ports that the bitmaps have room for. */
#define EVTCHN_2L_PORTS (8 * sizeof(long) * LONG_BITS)

_Static_assert(sizeof(struct vcpu_time) == 32, "vcpu_time_info");
_Static_assert(sizeof(struct vcpu_info) == 64, "vcpu_info");
_Static_assert(offsetof(struct vcpu_info, time) == 32, "vcpu_info.time");
_Static_assert(sizeof(struct shared_info) == (sizeof(long) == 8 ? 3136 : 2344), "shared_info");
_Static_assert(offsetof(struct shared_info, wc_version) == (sizeof(long) == 8 ? 3072 : 2304), "shared_info.wc_version");
