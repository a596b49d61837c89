# Loading the tables, and the way from a vector to interrupt_dispatch.

#include "interrupts.h"

.text
.global load_tables, interrupt_stubs

#ifdef __x86_64__

# load_tables(gdt, idt, selector of the vCPU)
load_tables:
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
  mov %edx, %fs
  xor %eax, %eax
  mov %eax, %gs
  ret

interrupt_common:
  push %rax
  push %rcx
  push %rdx
  push %rsi
  push %rdi
  push %r8
  push %r9
  push %r10
  push %r11
  lea 72(%rsp), %rdi
  cld
  call interrupt_dispatch
  pop %r11
  pop %r10
  pop %r9
  pop %r8
  pop %rdi
  pop %rsi
  pop %rdx
  pop %rcx
  pop %rax
  add $16, %rsp
  iretq

#else

load_tables:
  mov 4(%esp), %eax
  lgdt (%eax)
  mov 8(%esp), %eax
  lidt (%eax)
  mov 12(%esp), %edx
  ljmp $KERNEL_CS, $1f
1:
  mov $KERNEL_DS, %eax
  mov %eax, %ds
  mov %eax, %es
  mov %eax, %ss
  mov %eax, %gs
  mov %edx, %fs
  ret

interrupt_common:
  push %eax
  push %ecx
  push %edx
  lea 12(%esp), %eax
  push %eax
  cld
  call interrupt_dispatch
  add $4, %esp
  pop %edx
  pop %ecx
  pop %eax
  add $8, %esp
  iret

#endif

# Vectors with an error code push one more word; the others get a zero in its place.
.balign INTERRUPT_STUB_SIZE
interrupt_stubs:
.set vector, 0
.rept 256
  .balign INTERRUPT_STUB_SIZE
  .if (vector != 8) && (vector < 10 || vector > 14) && (vector != 17) && (vector != 21) && (vector != 29) && (vector != 30)
  push $0
  .endif
  push $vector
  jmp interrupt_common
  .set vector, vector + 1
.endr

.section .note.GNU-stack, "", @progbits
