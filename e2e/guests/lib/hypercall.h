/*
 * Hypercalls through the hypercall page. 64-bit: number in rax, arguments in rdi, rsi, rdx, r10, r8; 32-bit: eax; ebx, ecx,
 * edx, esi, edi. Numbers: xen/include/public/xen.h. Sub-operations and structures: xen-*.h beside this file.
 */
#pragma once
#include "cpu.h"

enum hypercall_number {
  HYPERCALL_SET_TRAP_TABLE = 0,
  HYPERCALL_MMU_UPDATE = 1,
  HYPERCALL_SET_GDT = 2,
  HYPERCALL_STACK_SWITCH = 3,
  HYPERCALL_SET_CALLBACKS = 4,
  HYPERCALL_FPU_TASKSWITCH = 5,
  HYPERCALL_SCHED_OP_COMPAT = 6,
  HYPERCALL_PLATFORM_OP = 7,
  HYPERCALL_SET_DEBUGREG = 8,
  HYPERCALL_GET_DEBUGREG = 9,
  HYPERCALL_UPDATE_DESCRIPTOR = 10,
  HYPERCALL_MEMORY_OP = 12,
  HYPERCALL_MULTICALL = 13,
  HYPERCALL_UPDATE_VA_MAPPING = 14,
  HYPERCALL_SET_TIMER_OP = 15,
  HYPERCALL_EVENT_CHANNEL_OP_COMPAT = 16,
  HYPERCALL_XEN_VERSION = 17,
  HYPERCALL_CONSOLE_IO = 18,
  HYPERCALL_PHYSDEV_OP_COMPAT = 19,
  HYPERCALL_GRANT_TABLE_OP = 20,
  HYPERCALL_VM_ASSIST = 21,
  HYPERCALL_UPDATE_VA_MAPPING_OTHERDOMAIN = 22,
  HYPERCALL_IRET = 23,
  HYPERCALL_VCPU_OP = 24,
  HYPERCALL_SET_SEGMENT_BASE = 25,
  HYPERCALL_MMUEXT_OP = 26,
  HYPERCALL_XSM_OP = 27,
  HYPERCALL_NMI_OP = 28,
  HYPERCALL_SCHED_OP = 29,
  HYPERCALL_CALLBACK_OP = 30,
  HYPERCALL_XENOPROF_OP = 31,
  HYPERCALL_EVENT_CHANNEL_OP = 32,
  HYPERCALL_PHYSDEV_OP = 33,
  HYPERCALL_HVM_OP = 34,
  HYPERCALL_SYSCTL = 35,
  HYPERCALL_DOMCTL = 36,
  HYPERCALL_XENPMU_OP = 40,
  /* No Xen has ever defined this one. */
  HYPERCALL_UNKNOWN = 63,
};

enum { CONSOLEIO_WRITE = 0, CONSOLEIO_READ = 1 };
enum {
  XENVER_VERSION = 0,
  XENVER_EXTRAVERSION = 1,
  XENVER_COMPILE_INFO = 2,
  XENVER_CAPABILITIES = 3,
  XENVER_CHANGESET = 4,
  XENVER_PLATFORM_PARAMETERS = 5,
  XENVER_GET_FEATURES = 6,
  XENVER_PAGESIZE = 7,
  XENVER_GUEST_HANDLE = 8,
  XENVER_COMMANDLINE = 9,
  XENVER_BUILD_ID = 10,
};
enum { XENMEM_MEMORY_MAP = 9 };
enum {
  SCHEDOP_YIELD = 0,
  SCHEDOP_BLOCK = 1,
  SCHEDOP_SHUTDOWN = 2,
  SCHEDOP_POLL = 3,
  SCHEDOP_REMOTE_SHUTDOWN = 4,
  SCHEDOP_SHUTDOWN_CODE = 5,
  SCHEDOP_WATCHDOG = 6,
  SCHEDOP_PIN_OVERRIDE = 7,
};
enum {
  SHUTDOWN_POWEROFF = 0,
  SHUTDOWN_REBOOT = 1,
  SHUTDOWN_SUSPEND = 2,
  SHUTDOWN_CRASH = 3,
  SHUTDOWN_WATCHDOG = 4,
  SHUTDOWN_SOFT_RESET = 5,
};

enum {
  DOMID_SELF = 0x7ff0,
  DOMID_IO = 0x7ff1,
  DOMID_XEN = 0x7ff2,
  DOMID_INVALID = 0x7ff4,
};

/* What a hypercall returns for an error (public/errno.h). */
enum {
  XEN_EPERM = -1,
  XEN_ENOENT = -2,
  XEN_ESRCH = -3,
  XEN_EIO = -5,
  XEN_ENXIO = -6,
  XEN_E2BIG = -7,
  XEN_EAGAIN = -11,
  XEN_ENOMEM = -12,
  XEN_EACCES = -13,
  XEN_EFAULT = -14,
  XEN_EBUSY = -16,
  XEN_EEXIST = -17,
  XEN_EXDEV = -18,
  XEN_ENODEV = -19,
  XEN_EINVAL = -22,
  XEN_ENOSPC = -28,
  XEN_ENOSYS = -38,
  XEN_ETIME = -62,
  XEN_EOPNOTSUPP = -95,
};

#define HYPERCALL_SLOTS 128
#define HYPERCALL_SLOT_SIZE 32

extern uint8_t hypercall_page[HYPERCALL_SLOTS * HYPERCALL_SLOT_SIZE];

static inline long hypercall5(unsigned number, unsigned long a, unsigned long b, unsigned long c, unsigned long d,
                              unsigned long e) {
  long result;
  const uint8_t *stub = hypercall_page + number * HYPERCALL_SLOT_SIZE;
#ifdef __x86_64__
  register unsigned long r10 __asm__("r10") = d;
  register unsigned long r8 __asm__("r8") = e;
  __asm__ volatile("call *%1"
                   : "=a"(result)
                   : "0"(stub), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                   : "memory");
#else
  __asm__ volatile("call *%1" : "=a"(result) : "0"(stub), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e) : "memory");
#endif
  return result;
}

static inline long hypercall4(unsigned number, unsigned long a, unsigned long b, unsigned long c, unsigned long d) {
  long result;
  const uint8_t *stub = hypercall_page + number * HYPERCALL_SLOT_SIZE;
#ifdef __x86_64__
  register unsigned long r10 __asm__("r10") = d;
  __asm__ volatile("call *%1" : "=a"(result) : "0"(stub), "D"(a), "S"(b), "d"(c), "r"(r10) : "memory");
#else
  __asm__ volatile("call *%1" : "=a"(result) : "0"(stub), "b"(a), "c"(b), "d"(c), "S"(d) : "memory");
#endif
  return result;
}

/* A stub that takes its arguments as those of the hypercall page do. */
static inline long call_stub(const uint8_t *stub, unsigned long a, unsigned long b, unsigned long c) {
  long result;
#ifdef __x86_64__
  __asm__ volatile("call *%1" : "=a"(result) : "0"(stub), "D"(a), "S"(b), "d"(c) : "memory");
#else
  __asm__ volatile("call *%1" : "=a"(result) : "0"(stub), "b"(a), "c"(b), "d"(c) : "memory");
#endif
  return result;
}

static inline long hypercall(unsigned number, unsigned long a, unsigned long b, unsigned long c) {
  return call_stub(hypercall_page + number * HYPERCALL_SLOT_SIZE, a, b, c);
}

static inline long hypercall_pointer(unsigned number, unsigned long a, const volatile void *b) {
  return hypercall(number, a, (unsigned long)b, 0);
}

/* The commonest form: a vCPU, a sub-operation of it, and a structure. */
static inline long hypercall_vcpu(unsigned operation, unsigned vcpu, const volatile void *argument) {
  return hypercall(HYPERCALL_VCPU_OP, operation, vcpu, (unsigned long)argument);
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
