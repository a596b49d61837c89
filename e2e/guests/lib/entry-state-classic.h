/* The machine as the classic entry found it; offsets are shared by start-classic.S and C. */
#pragma once

#define ENTRY_RAX 0
#define ENTRY_RBX 8
#define ENTRY_RCX 16
#define ENTRY_RDX 24
#define ENTRY_RSI 32
#define ENTRY_RDI 40
#define ENTRY_RBP 48
#define ENTRY_RSP 56
#define ENTRY_R8 64
#define ENTRY_R9 72
#define ENTRY_R10 80
#define ENTRY_R11 88
#define ENTRY_R12 96
#define ENTRY_R13 104
#define ENTRY_R14 112
#define ENTRY_R15 120
#define ENTRY_RFLAGS 128
#define ENTRY_LONG_MODE_PROBE 136
#define ENTRY_CR0 144
#define ENTRY_CR3 152
#define ENTRY_CR4 160
#define ENTRY_EFER 168
#define ENTRY_FS_BASE 176
#define ENTRY_GS_BASE 184
#define ENTRY_KERNEL_GS_BASE 192
#define ENTRY_CS 200
#define ENTRY_DS 202
#define ENTRY_ES 204
#define ENTRY_FS 206
#define ENTRY_GS 208
#define ENTRY_SS 210
#define ENTRY_TR 212
#define ENTRY_LDTR 214
#define ENTRY_GDT 216
#define ENTRY_IDT 226
#define ENTRY_STATE_SIZE 240

#ifndef __ASSEMBLER__
#include <stddef.h>
#include <stdint.h>

struct table_register {
  uint16_t limit;
  uint64_t base;
} __attribute__((packed));

struct entry_state {
  uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp, r8, r9, r10, r11, r12, r13, r14, r15;
  uint64_t rflags;
  uint64_t long_mode_probe;
  uint64_t cr0, cr3, cr4;
  uint64_t efer, fs_base, gs_base, kernel_gs_base;
  uint16_t cs, ds, es, fs, gs, ss, tr, ldtr;
  struct table_register gdt, idt;
};

_Static_assert(offsetof(struct entry_state, rsp) == ENTRY_RSP, "rsp");
_Static_assert(offsetof(struct entry_state, rflags) == ENTRY_RFLAGS, "rflags");
_Static_assert(offsetof(struct entry_state, efer) == ENTRY_EFER, "efer");
_Static_assert(offsetof(struct entry_state, cs) == ENTRY_CS, "cs");
_Static_assert(offsetof(struct entry_state, idt) == ENTRY_IDT, "idt");
_Static_assert(sizeof(struct entry_state) == ENTRY_STATE_SIZE, "size");

extern struct entry_state entry_state;
#endif
