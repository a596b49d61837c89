# Where the other vCPUs start (xen_pvh_early_cpu_init): EFER.NXE comes before the stack, whose pages have NX set.

.text
.global linux_ap_entry
linux_ap_entry:
  mov $0xc0000080, %ecx
  rdmsr
  bts $11, %eax
  bts $0, %eax
  wrmsr
  cld
  xor %ebp, %ebp
  call linux_ap_main
  ud2

.section .note.GNU-stack, "", @progbits
