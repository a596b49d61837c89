# Known words in each loaded segment.

.macro pattern
  .set i, 0
  .rept 256
    .long (i * 0x9e3779b9) & 0xffffffff
    .set i, i + 1
  .endr
.endm

.section .rodata
.balign 4
.global text_pattern
text_pattern:
  pattern

.data
.balign 4
.global data_pattern
data_pattern:
  pattern

.section .note.GNU-stack, "", @progbits
