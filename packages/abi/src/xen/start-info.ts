import { cstring, struct, u32, u64 } from "../struct.ts";

/** Bytes of `start_info.cmd_line`, NUL included. */
export const MAX_GUEST_CMDLINE = 1024;

/** `start_info.flags` (public/xen.h). */
export const SIF = {
  PRIVILEGED: 1 << 0,
  INITDOMAIN: 1 << 1,
  MULTIBOOT_MOD: 1 << 2,
  /** `mod_start` is a frame number, not a virtual address. */
  MOD_START_PFN: 1 << 3,
  VIRT_P2M_4TOOLS: 1 << 4,
} as const;

/** What rsi points to when a 64-bit classic guest is entered: `struct start_info` (public/xen.h). */
export const startInfo = struct("start_info", 1168, {
  magic: cstring(0, 32),
  nr_pages: u64(32),
  /** Guest-physical address of the shared_info page. */
  shared_info: u64(40),
  flags: u32(48),
  /** Frame of the xenstore ring. */
  store_mfn: u64(56),
  store_evtchn: u32(64),
  /** Frame of the console ring: `console.domU.mfn`. */
  console_mfn: u64(72),
  console_evtchn: u32(80),
  /** Virtual address of the L4 table. */
  pt_base: u64(88),
  nr_pt_frames: u64(96),
  /** Virtual address of the frame list. */
  mfn_list: u64(104),
  /** Virtual address of the ramdisk, or its frame when SIF_MOD_START_PFN is set. */
  mod_start: u64(112),
  mod_len: u64(120),
  cmd_line: cstring(128, MAX_GUEST_CMDLINE),
  first_p2m_pfn: u64(1152),
  nr_p2m_frames: u64(1160),
});
