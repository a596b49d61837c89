# The notes of a direct guest for Xen: HYPERCALL_PAGE is what makes platform "auto" choose it.

#include "notes-direct-bare.S"

.section .note.Xen, "a", @note
note_u32 XEN_HYPERCALL_PAGE, hypercall_page
