#include "native-tables.h"

.text
.global load_descriptor_tables, catch_exception, return_by_iretq, exception_stubs

load_descriptor_tables:
  lgdt (%rdi)
  lidt (%rsi)
  pushq $KERNEL_CS
  lea 1f(%rip), %rax
  push %rax
  lretq
1:
  mov $KERNEL_DS, %eax
  mov %eax, %ds
  mov %eax, %es
  mov %eax, %ss
  xor %eax, %eax
  mov %eax, %fs
  mov %eax, %gs
  ret

catch_exception:
  push %rbx
  push %rbp
  push %r12
  push %r13
  push %r14
  push %r15
  mov %rsp, resume_stack(%rip)
  mov %rdi, %rax
  mov %rsi, %rdi
  call *%rax
  mov $NO_EXCEPTION, %eax
  jmp leave
resume:
  mov resume_stack(%rip), %rsp
  mov fault(%rip), %eax
leave:
  pop %r15
  pop %r14
  pop %r13
  pop %r12
  pop %rbp
  pop %rbx
  ret

return_by_iretq:
  mov %rsp, %rax
  pushq $KERNEL_DS
  push %rax
  pushfq
  pushq $KERNEL_CS
  lea 1f(%rip), %rax
  push %rax
  iretq
1:
  xor %eax, %eax
  mov %cs, %ax
  ret

# Vectors with an error code push one more word; the others get a zero in its place.
.balign EXCEPTION_STUB_SIZE
exception_stubs:
.set vector, 0
.rept 32
  .balign EXCEPTION_STUB_SIZE
  .if (vector != 8) && (vector < 10 || vector > 14) && (vector != 17)
  pushq $0
  .endif
  pushq $vector
  jmp exception
  .set vector, vector + 1
.endr

exception:
  popq fault(%rip)
  popq fault + 8(%rip)
  mov %cr2, %rax
  mov %rax, fault + 16(%rip)
  jmp resume

.data
.balign 8
resume_stack:
  .quad 0

.section .note.GNU-stack, "", @progbits
