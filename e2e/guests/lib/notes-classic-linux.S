# A classic guest that declares its features as Linux does: hvm_callback_vector only among the numeric ones, and
# writable_page_tables required.

#include "notes-classic.inc"

.section .note.Xen, "a", @note
note_text XEN_FEATURES, "!writable_page_tables|pae_pgdir_above_4gb|writable_descriptor_tables|auto_translated_physmap|supervisor_mode_kernel"
note_u32 XEN_SUPPORTED_FEATURES, 0x90d
