# A vCPU of a 32-bit guest that starts in 64-bit mode. It saves how it was entered, makes hypercalls as 64-bit code does, goes
# down and comes back.

#include "vcpu-64.h"

.text
.code64
.global wide_entry
wide_entry:
  pushfq
  mov %rax, wide_state + WIDE_RAX(%rip)
  mov %rbx, wide_state + WIDE_RBX(%rip)
  mov %rcx, wide_state + WIDE_RCX(%rip)
  mov %rdx, wide_state + WIDE_RDX(%rip)
  mov %rbp, wide_state + WIDE_RBP(%rip)
  mov %rsi, wide_state + WIDE_RSI(%rip)
  mov %rdi, wide_state + WIDE_RDI(%rip)
  popq wide_state + WIDE_RFLAGS(%rip)
  mov %rsp, wide_state + WIDE_RSP(%rip)
  cld
  mov %cr0, %rax
  mov %rax, wide_state + WIDE_CR0(%rip)
  mov %cr3, %rax
  mov %rax, wide_state + WIDE_CR3(%rip)
  mov %cr4, %rax
  mov %rax, wide_state + WIDE_CR4(%rip)
  mov $0xc0000080, %ecx
  rdmsr
  mov %eax, wide_state + WIDE_EFER(%rip)
  mov %edx, wide_state + WIDE_EFER + 4(%rip)
  xor %eax, %eax
  mov %cs, %edx
  or %edx, %eax
  mov %ds, %edx
  or %edx, %eax
  mov %es, %edx
  or %edx, %eax
  mov %ss, %edx
  or %edx, %eax
  mov %rax, wide_state + WIDE_SELECTORS(%rip)

  # xen_version(XENVER_version)
  xor %edi, %edi
  xor %esi, %esi
  mov $hypercall_page + 17 * 32, %eax
  call *%rax
  mov %rax, wide_state + WIDE_VERSION(%rip)
  # xen_version(XENVER_get_features, &features)
  mov $6, %edi
  mov $wide_state + WIDE_FEATURES, %esi
  mov $hypercall_page + 17 * 32, %eax
  call *%rax
  mov %rax, wide_state + WIDE_FEATURES_RESULT(%rip)
  movl $1, wide_state + WIDE_STAGE(%rip)
  call go_down
  movl $2, wide_state + WIDE_STAGE(%rip)
1:
  call go_down
  jmp 1b

# vcpu_op(VCPUOP_down, 1)
go_down:
  mov $2, %edi
  mov $1, %esi
  xor %edx, %edx
  mov $hypercall_page + 24 * 32, %eax
  call *%rax
  ret

.data
.balign 8
.global wide_state
wide_state:
  .skip WIDE_STATE_SIZE, 0

.section .note.GNU-stack, "", @progbits
