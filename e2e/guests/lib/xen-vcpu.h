/* VCPU_OP (public/vcpu.h) and the contexts of VCPUOP_initialise (public/arch-x86/xen.h, public/hvm/hvm_vcpu.h). */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum {
  VCPUOP_INITIALISE = 0,
  VCPUOP_UP = 1,
  VCPUOP_DOWN = 2,
  VCPUOP_IS_UP = 3,
  VCPUOP_GET_RUNSTATE_INFO = 4,
  VCPUOP_REGISTER_RUNSTATE_MEMORY_AREA = 5,
  VCPUOP_SET_PERIODIC_TIMER = 6,
  VCPUOP_STOP_PERIODIC_TIMER = 7,
  VCPUOP_SET_SINGLESHOT_TIMER = 8,
  VCPUOP_STOP_SINGLESHOT_TIMER = 9,
  VCPUOP_REGISTER_VCPU_INFO = 10,
  VCPUOP_SEND_NMI = 11,
  VCPUOP_GET_PHYSID = 12,
  VCPUOP_REGISTER_VCPU_TIME_MEMORY_AREA = 13,
};

#define VCPU_SSHOTTMR_FUTURE 1u

enum { RUNSTATE_RUNNING = 0, RUNSTATE_RUNNABLE = 1, RUNSTATE_BLOCKED = 2, RUNSTATE_OFFLINE = 3, RUNSTATES = 4 };
#define RUNSTATE_UPDATE (1ull << 63)

struct vcpu_runstate_info {
  int32_t state;
  uint64_t state_entry_time;
  uint64_t time[RUNSTATES];
};

/* What registering a memory area takes: an address, in 64 bits for every guest. */
struct vcpu_memory_area {
  union {
    volatile void *pointer;
    uint64_t address;
  };
};

struct vcpu_set_periodic_timer {
  uint64_t period_ns;
};

struct vcpu_set_singleshot_timer {
  uint64_t timeout_abs_ns;
  uint32_t flags;
};

struct vcpu_register_vcpu_info {
  uint64_t mfn;
  uint32_t offset;
  uint32_t reserved;
};

_Static_assert(sizeof(struct vcpu_runstate_info) == (sizeof(long) == 8 ? 48 : 44), "vcpu_runstate_info");
_Static_assert(sizeof(struct vcpu_memory_area) == 8, "vcpu_register_runstate_memory_area");
_Static_assert(sizeof(struct vcpu_register_vcpu_info) == 16, "vcpu_register_vcpu_info");

#ifdef __x86_64__
/* struct vcpu_guest_context of 64-bit guests. */
struct cpu_user_regs {
  uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
  uint32_t error_code, entry_vector;
  uint64_t rip, cs, rflags, rsp, ss, es, ds, fs, gs;
};

struct vcpu_guest_context {
  uint8_t fpu[512];
  uint64_t flags;
  struct cpu_user_regs user_regs;
  uint8_t trap_ctxt[256 * 16];
  uint64_t ldt_base, ldt_ents;
  uint64_t gdt_frames[16], gdt_ents;
  uint64_t kernel_ss, kernel_sp;
  uint64_t ctrlreg[8];
  uint64_t debugreg[8];
  uint64_t event_callback_eip, failsafe_callback_eip, syscall_callback_eip;
  uint64_t vm_assist;
  uint64_t fs_base, gs_base_kernel, gs_base_user;
};

_Static_assert(sizeof(struct vcpu_guest_context) == 5168, "vcpu_guest_context");
_Static_assert(offsetof(struct vcpu_guest_context, user_regs.rip) == 520 + 128, "vcpu_guest_context.user_regs.rip");
_Static_assert(offsetof(struct vcpu_guest_context, ctrlreg) == 4984, "vcpu_guest_context.ctrlreg");
_Static_assert(offsetof(struct vcpu_guest_context, gs_base_user) == 5160, "vcpu_guest_context.gs_base_user");
#endif

enum { VCPU_HVM_MODE_32B = 0, VCPU_HVM_MODE_64B = 1 };

struct vcpu_hvm_x86_32 {
  uint32_t eax, ecx, edx, ebx, esp, ebp, esi, edi, eip, eflags;
  uint32_t cr0, cr3, cr4, pad1;
  uint64_t efer;
  uint32_t cs_base, ds_base, ss_base, es_base, tr_base;
  uint32_t cs_limit, ds_limit, ss_limit, es_limit, tr_limit;
  uint16_t cs_ar, ds_ar, ss_ar, es_ar, tr_ar;
  uint16_t pad2[3];
};

struct vcpu_hvm_x86_64 {
  uint64_t rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, rip, rflags;
  uint64_t cr0, cr3, cr4, efer;
};

struct vcpu_hvm_context {
  uint32_t mode;
  uint32_t pad;
  union {
    struct vcpu_hvm_x86_32 x86_32;
    struct vcpu_hvm_x86_64 x86_64;
  };
};

_Static_assert(sizeof(struct vcpu_hvm_x86_32) == 120, "vcpu_hvm_x86_32");
_Static_assert(sizeof(struct vcpu_hvm_x86_64) == 112, "vcpu_hvm_x86_64");
_Static_assert(sizeof(struct vcpu_hvm_context) == 128, "vcpu_hvm_context");
