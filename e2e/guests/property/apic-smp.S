# From a startup IPI to C: real mode at TRAMPOLINE, protected mode, the stack of startup_stack, startup_main.

#include "apic-smp.h"

#define AT(label) (TRAMPOLINE + (label) - trampoline)

.section .rodata
.code16
.global trampoline, trampoline_end
trampoline:
  cli
  # The registers that a startup IPI promises, for startup_main: eax = CS, edx = CR0.
  xor %eax, %eax
  mov %cs, %ax
  mov %ax, %ds
  mov %cr0, %edx
  lgdtl gdt_pointer - trampoline
  mov %edx, %ebx
  or $1, %ebx
  mov %ebx, %cr0
  ljmpl $8, $AT(protected)

.code32
protected:
  mov $16, %ecx
  mov %ecx, %ds
  mov %ecx, %es
  mov %ecx, %ss
  mov startup_stack, %esp
  xor %ebp, %ebp
  push %edx
  push %eax
  cld
  # Absolute: this code does not run where it is linked.
  mov $startup_main, %ecx
  call *%ecx
1:
  cli
  hlt
  jmp 1b

.balign 8
gdt:
  .quad 0
  .quad 0x00cf9b000000ffff
  .quad 0x00cf93000000ffff
gdt_pointer:
  .word gdt_pointer - gdt - 1
  .long AT(gdt)
trampoline_end:

.section .note.GNU-stack, "", @progbits
