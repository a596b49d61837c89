/* What a vCPU that starts in 64-bit mode leaves for the boot vCPU; offsets are shared by vcpu-64.S and C. */
#pragma once

#define WIDE_RFLAGS 0
#define WIDE_RAX 8
#define WIDE_RBX 16
#define WIDE_RCX 24
#define WIDE_RDX 32
#define WIDE_RBP 40
#define WIDE_RSI 48
#define WIDE_RDI 56
#define WIDE_RSP 64
#define WIDE_CR0 72
#define WIDE_CR3 80
#define WIDE_CR4 88
#define WIDE_EFER 96
#define WIDE_SELECTORS 104
#define WIDE_VERSION 112
#define WIDE_FEATURES_RESULT 120
#define WIDE_FEATURES 128
#define WIDE_STAGE 136
#define WIDE_STATE_SIZE 144

#ifndef __ASSEMBLER__
#include <stddef.h>
#include <stdint.h>

struct wide_state {
  uint64_t rflags, rax, rbx, rcx, rdx, rbp, rsi, rdi, rsp;
  uint64_t cr0, cr3, cr4, efer, selectors;
  uint64_t version, features_result;
  /* struct xen_feature_info */
  uint64_t features;
  /* 1 when it is about to go down, 2 after it has come up again. */
  uint32_t stage, unused;
};

_Static_assert(offsetof(struct wide_state, efer) == WIDE_EFER, "efer");
_Static_assert(offsetof(struct wide_state, stage) == WIDE_STAGE, "stage");
_Static_assert(sizeof(struct wide_state) == WIDE_STATE_SIZE, "size");

extern volatile struct wide_state wide_state;
/* Only its address is of use. */
void wide_entry(void);
#endif
