import { bytes, struct, u64 } from "../struct.ts";

/** A domain's memory in an ELF file, as `xl dump-core` writes it (docs/misc/dump-core-format.txt). */

/** Note numbers (public/elfnote.h). */
export const DUMPCORE_NOTE = {
  NONE: 0x2000000,
  HEADER: 0x2000001,
  XEN_VERSION: 0x2000002,
  FORMAT_VERSION: 0x2000003,
} as const;

/** `xch_magic` of a domain in an HVM container. */
export const CORE_MAGIC_HVM = 0xf00febeen;
/** Major version in the upper half. */
export const CORE_FORMAT_VERSION = 1n;

export const coreHeaderNote = struct("xen_dumpcore_elfnote_header_desc", 32, {
  xch_magic: u64(0),
  xch_nr_vcpus: u64(8),
  xch_nr_pages: u64(16),
  xch_page_size: u64(24),
});

/** Its texts are what XENVER_* answers. */
export const coreVersionNote = struct("xen_dumpcore_elfnote_xen_version_desc", 1280, {
  major_version: u64(0),
  minor_version: u64(8),
  extra_version: bytes(16, 16),
  compile_info: bytes(32, 144),
  capabilities: bytes(176, 1024),
  changeset: bytes(1200, 64),
  virt_start: u64(1264),
  pagesize: u64(1272),
});

/** What XEN_DOMCTL_getpageframeinfo3 says of frames that cannot be read: broken, only to be allocated, or absent. */
export const PFINFO_FIRST_ABSENT = 0xd0000000;
