# uint64_t changed_registers(const void *stub): bit n is set when register n (in hardware order) did not survive.
# rax carries the result, rdi and rsi the arguments; a debug build of Xen clobbers those on purpose.

.text
.global changed_registers
changed_registers:
  push %rbx
  push %rbp
  push %r12
  push %r13
  push %r14
  push %r15
  mov %rdi, %rax
  xor %edi, %edi
  xor %esi, %esi
  mov $0x1111111111111101, %rcx
  mov $0x1111111111111102, %rdx
  mov $0x1111111111111103, %rbx
  mov $0x1111111111111105, %rbp
  mov $0x1111111111111108, %r8
  mov $0x1111111111111109, %r9
  mov $0x111111111111110a, %r10
  mov $0x111111111111110b, %r11
  mov $0x111111111111110c, %r12
  mov $0x111111111111110d, %r13
  mov $0x111111111111110e, %r14
  mov $0x111111111111110f, %r15
  mov %rsp, kept_rsp(%rip)
  call *%rax
  xor %eax, %eax
.macro compare register, number
  movabs $(0x1111111111111100 + \number), %rdi
  cmp %rdi, \register
  je 1f
  bts $\number, %rax
1:
.endm
  compare %rcx, 1
  compare %rdx, 2
  compare %rbx, 3
  compare %rbp, 5
  compare %r8, 8
  compare %r9, 9
  compare %r10, 10
  compare %r11, 11
  compare %r12, 12
  compare %r13, 13
  compare %r14, 14
  compare %r15, 15
  cmp %rsp, kept_rsp(%rip)
  je 2f
  bts $4, %rax
2:
  mov kept_rsp(%rip), %rsp
  pop %r15
  pop %r14
  pop %r13
  pop %r12
  pop %rbp
  pop %rbx
  ret

.data
.balign 8
kept_rsp:
  .quad 0

.section .note.GNU-stack, "", @progbits
