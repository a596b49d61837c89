# The classic entry: saves everything the loader promised before anything changes it, then runs guest_main.

#include "entry-state-classic.h"

.section .entry, "ax"
.code64
.global start
start:
  mov %rax, entry_state + ENTRY_RAX(%rip)
  mov %rbx, entry_state + ENTRY_RBX(%rip)
  mov %rcx, entry_state + ENTRY_RCX(%rip)
  mov %rdx, entry_state + ENTRY_RDX(%rip)
  mov %rsi, entry_state + ENTRY_RSI(%rip)
  mov %rdi, entry_state + ENTRY_RDI(%rip)
  mov %rbp, entry_state + ENTRY_RBP(%rip)
  mov %rsp, entry_state + ENTRY_RSP(%rip)
  mov %r8, entry_state + ENTRY_R8(%rip)
  mov %r9, entry_state + ENTRY_R9(%rip)
  mov %r10, entry_state + ENTRY_R10(%rip)
  mov %r11, entry_state + ENTRY_R11(%rip)
  mov %r12, entry_state + ENTRY_R12(%rip)
  mov %r13, entry_state + ENTRY_R13(%rip)
  mov %r14, entry_state + ENTRY_R14(%rip)
  mov %r15, entry_state + ENTRY_R15(%rip)
  mov %rsi, start_info(%rip)

  # mov leaves the flags alone; from here on there is a stack that does not depend on the loader.
  lea stack_top(%rip), %rsp
  pushfq
  popq entry_state + ENTRY_RFLAGS(%rip)
  cld

  # 0x48 is REX.W here and decrements eax anywhere else.
  xor %eax, %eax
  .byte 0x48
  nop
  mov %rax, entry_state + ENTRY_LONG_MODE_PROBE(%rip)

  mov %cr0, %rax
  mov %rax, entry_state + ENTRY_CR0(%rip)
  mov %cr3, %rax
  mov %rax, entry_state + ENTRY_CR3(%rip)
  mov %cr4, %rax
  mov %rax, entry_state + ENTRY_CR4(%rip)

  mov %cs, entry_state + ENTRY_CS(%rip)
  mov %ds, entry_state + ENTRY_DS(%rip)
  mov %es, entry_state + ENTRY_ES(%rip)
  mov %fs, entry_state + ENTRY_FS(%rip)
  mov %gs, entry_state + ENTRY_GS(%rip)
  mov %ss, entry_state + ENTRY_SS(%rip)
  str entry_state + ENTRY_TR(%rip)
  sldt entry_state + ENTRY_LDTR(%rip)
  sgdt entry_state + ENTRY_GDT(%rip)
  sidt entry_state + ENTRY_IDT(%rip)

  mov $0xc0000080, %ecx
  lea entry_state + ENTRY_EFER(%rip), %rdi
  call save_msr
  mov $0xc0000100, %ecx
  lea entry_state + ENTRY_FS_BASE(%rip), %rdi
  call save_msr
  mov $0xc0000101, %ecx
  lea entry_state + ENTRY_GS_BASE(%rip), %rdi
  call save_msr
  mov $0xc0000102, %ecx
  lea entry_state + ENTRY_KERNEL_GS_BASE(%rip), %rdi
  call save_msr

  xor %ebp, %ebp
  call guest_main
  ud2

save_msr:
  rdmsr
  mov %eax, (%rdi)
  mov %edx, 4(%rdi)
  ret

# Filled by the loader; what stands here before would fault.
.section .hypercall_page, "ax"
.balign 4096
.global hypercall_page
hypercall_page:
  .fill 2048, 2, 0x0b0f

# Not in .bss: whether .bss is zero is one of the questions.
.data
.balign 16
.skip 16384, 0x5a
stack_top:
.balign 8
.global entry_state, start_info
entry_state:
  .skip ENTRY_STATE_SIZE, 0x5a
start_info:
  .quad 0

.section .note.GNU-stack, "", @progbits
