import { sharedInfo, vcpuInfo } from "@pvh/abi";

/**
 * Where things stand in shared_info and vcpu_info, in the layouts of 64-bit and of 32-bit guests (public/xen.h). Both
 * have 64 bytes for a vcpu_info, with the clock at the same place.
 */
export interface SharedInfoLayout {
  /** Bits of an `xen_ulong_t`: how many ports one bit of evtchn_pending_sel stands for. */
  readonly wordBits: 32 | 64;
  /** Ports that the pending and mask bitmaps hold. */
  readonly ports: number;
  readonly pending: number;
  readonly mask: number;
  readonly wallClock: number;
  readonly wallClockHigh: number;
  /** In vcpu_info. */
  readonly pendingSelector: number;
}

export const WIDE: SharedInfoLayout = {
  wordBits: 64,
  ports: 4096,
  pending: sharedInfo.fields.evtchn_pending.offset,
  mask: sharedInfo.fields.evtchn_mask.offset,
  wallClock: sharedInfo.fields.wc_version.offset,
  wallClockHigh: sharedInfo.fields.wc_sec_hi.offset,
  pendingSelector: vcpuInfo.fields.evtchn_pending_sel.offset,
};

export const NARROW: SharedInfoLayout = {
  wordBits: 32,
  ports: 1024,
  pending: 2048,
  mask: 2176,
  wallClock: 2304,
  wallClockHigh: 2340,
  pendingSelector: 4,
};

export const VCPU_INFO_SIZE = vcpuInfo.size;
export const TIME_OFFSET = vcpuInfo.fields.time.offset;
