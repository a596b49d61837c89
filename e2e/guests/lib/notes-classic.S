# A classic guest that names all four PVH features in the FEATURES string, as FreeBSD does.

#include "notes-classic.inc"

.section .note.Xen, "a", @note
note_text XEN_FEATURES, "writable_descriptor_tables|auto_translated_physmap|supervisor_mode_kernel|hvm_callback_vector"
note_u32 XEN_SUPPORTED_FEATURES, 0x10e
