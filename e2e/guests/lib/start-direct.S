# The direct entry: saves everything the loader promised before anything changes it, then runs guest_main.

#include "entry-state-direct.h"

.section .entry, "ax"
.code32
.global start
start:
  mov %eax, entry_state + ENTRY_EAX
  mov %ebx, entry_state + ENTRY_EBX
  mov %ebx, start_info

  # mov leaves the flags alone. The stack is ours: the interface promises none.
  mov $stack_top, %esp
  pushfl
  popl entry_state + ENTRY_EFLAGS
  cld

  # 0x48 decrements eax in 32-bit code and is a prefix in 64-bit code.
  xor %eax, %eax
  .byte 0x48
  nop
  mov %eax, entry_state + ENTRY_PROTECTED_MODE_PROBE

  mov %cr0, %eax
  mov %eax, entry_state + ENTRY_CR0
  mov %cr4, %eax
  mov %eax, entry_state + ENTRY_CR4
  mov $0xc0000080, %ecx
  rdmsr
  mov %eax, entry_state + ENTRY_EFER
  mov %edx, entry_state + ENTRY_EFER + 4

  xor %ebp, %ebp
  call guest_main
  ud2

# The ELF header's entry point. Only PHYS32_ENTRY is the right one.
.global wrong_entry
wrong_entry:
  mov $wrong_entry_text, %esi
1:
  lodsb
  test %al, %al
  jz 2f
  out %al, $0xe9
  jmp 1b
2:
  cli
  hlt
  jmp 2b

.section .rodata
wrong_entry_text:
  .asciz "FAIL - entry: found the ELF header's entry point, expected PHYS32_ENTRY\n"

# Filled through the hypercall MSR; what stands here before would fault.
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
  .long 0

.section .note.GNU-stack, "", @progbits
