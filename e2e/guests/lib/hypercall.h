/*
 * Hypercalls through the hypercall page. 64-bit: number in rax, arguments in rdi, rsi, rdx; 32-bit: eax; ebx, ecx, edx.
 * Numbers and sub-operations: xen/include/public/xen.h.
 */
#pragma once
#include "cpu.h"

enum hypercall_number {
  HYPERCALL_MEMORY_OP = 12,
  HYPERCALL_XEN_VERSION = 17,
  HYPERCALL_CONSOLE_IO = 18,
  HYPERCALL_IRET = 23,
  HYPERCALL_SCHED_OP = 29,
  /* No Xen has ever defined this one. */
  HYPERCALL_UNKNOWN = 63,
};

enum { XENVER_VERSION = 0, XENVER_EXTRAVERSION = 1, XENVER_GET_FEATURES = 6 };
enum { XENMEM_MEMORY_MAP = 9 };
enum { CONSOLEIO_WRITE = 0 };
enum { SCHEDOP_YIELD = 0, SCHEDOP_SHUTDOWN = 2 };
enum { SHUTDOWN_POWEROFF = 0, SHUTDOWN_REBOOT = 1, SHUTDOWN_CRASH = 3 };
enum { XEN_EPERM = -1, XEN_EFAULT = -14, XEN_EINVAL = -22, XEN_ENOSYS = -38 };

#define HYPERCALL_SLOTS 128
#define HYPERCALL_SLOT_SIZE 32

extern uint8_t hypercall_page[HYPERCALL_SLOTS * HYPERCALL_SLOT_SIZE];

static inline long hypercall(unsigned number, unsigned long a, unsigned long b, unsigned long c) {
  long result;
  const uint8_t *stub = hypercall_page + number * HYPERCALL_SLOT_SIZE;
#ifdef __x86_64__
  __asm__ volatile("call *%1" : "=a"(result) : "0"(stub), "D"(a), "S"(b), "d"(c) : "memory");
#else
  __asm__ volatile("call *%1" : "=a"(result) : "0"(stub), "b"(a), "c"(b), "d"(c) : "memory");
#endif
  return result;
}

static inline long hypercall_pointer(unsigned number, unsigned long a, const volatile void *b) {
  return hypercall(number, a, (unsigned long)b, 0);
}

struct xen_feature_info {
  uint32_t submap_index;
  uint32_t submap;
};

struct xen_memory_map_entry {
  uint64_t address;
  uint64_t size;
  uint32_t type;
} __attribute__((packed));

struct xen_memory_map {
  uint32_t entries;
  struct xen_memory_map_entry *buffer;
};
