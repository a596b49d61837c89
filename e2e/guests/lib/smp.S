# Where the other vCPUs enter, with their number in DI and a stack.

.text
.global ap_entry

#ifdef __x86_64__
ap_entry:
  pushfq
  push %r15
  push %r14
  push %r13
  push %r12
  push %r11
  push %r10
  push %r9
  push %r8
  push %rbp
  push %rdi
  push %rsi
  push %rdx
  push %rcx
  push %rbx
  push %rax
  cld
  mov %rsp, %rsi
  xor %ebp, %ebp
  call ap_enter
  ud2
#else
ap_entry:
  pushfl
  pusha
  cld
  mov %esp, %eax
  xor %ebp, %ebp
  push %eax
  push %edi
  call ap_enter
  ud2
#endif

.section .note.GNU-stack, "", @progbits
