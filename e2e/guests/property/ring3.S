#include "ring3.h"

.text
.global ring3_call, ring3_return

# ring3_call(stub, a, b). IOPL 3, because on some hosts the stub's trap is an OUT.
ring3_call:
  push %ebp
  push %ebx
  push %esi
  push %edi
  mov 20(%esp), %eax
  mov 24(%esp), %ebx
  mov 28(%esp), %ecx
  mov %esp, ring0_stack
  mov $RING3_DS, %edx
  mov %edx, %ds
  mov %edx, %es
  xor %edx, %edx
  push $RING3_DS
  push $ring3_stack_top
  push $0x3002
  push $RING3_CS
  push $ring3_code
  iret

ring3_code:
  call *%eax
  int $RING3_RETURN_VECTOR

ring3_return:
  mov $0x10, %edx
  mov %edx, %ds
  mov %edx, %es
  mov ring0_stack, %esp
  pop %edi
  pop %esi
  pop %ebx
  pop %ebp
  ret

.data
.balign 16
.skip 1024
ring3_stack_top:
.global ring0_stack_top
.skip 1024
ring0_stack_top:
ring0_stack:
  .long 0

.section .note.GNU-stack, "", @progbits
