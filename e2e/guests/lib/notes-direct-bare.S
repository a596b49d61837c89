# The notes of a direct guest that can do without Xen, in two PT_NOTE segments: the first has none of Xen's.

#include "notes.inc"

.section .note.guest, "a", @note
.balign 4
.long 6, 4, 1
.asciz "Guest"
.balign 4
.long 0x20261123

.section .note.Xen, "a", @note
note_u32 XEN_PHYS32_ENTRY, start

.section .note.GNU-stack, "", @progbits
