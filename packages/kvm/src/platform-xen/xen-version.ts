import { XEN_ERRNO, XENVER, xenFeatureInfo } from "@pvh/abi";
import type { Hypercall } from "./hypercalls.ts";

const encoder = new TextEncoder();

/** xen_version(cmd, arg): what kind of Xen this is (public/version.h). */
export function xenVersion(call: Hypercall): number {
  const { personality, handle } = call.xen.domain;
  switch (call.low[0]) {
    case XENVER.version:
      return (personality.major << 16) | personality.minor;
    case XENVER.extraversion:
      return answer(call, text([[personality.extraversion, 16]]));
    case XENVER.compile_info:
      // Compiler, by whom, at which domain, when.
      return answer(
        call,
        text([
          ["", 64],
          ["", 16],
          ["", 32],
          ["", 32],
        ]),
      );
    case XENVER.capabilities:
      return answer(call, text([[personality.capabilities, 1024]]));
    case XENVER.changeset:
      return answer(call, text([["", 64]]));
    case XENVER.platform_parameters:
      // Where a PV guest would find the hypervisor mapped: nowhere in a hardware container, but the field is read.
      return answer(call, call.code64 ? HYPERVISOR_VIRT_START : HYPERVISOR_VIRT_START_32);
    case XENVER.get_features:
      return getFeatures(call, personality.features);
    case XENVER.pagesize:
      return call.low[1] === 0 && call.high[1] === 0 ? 4096 : -XEN_ERRNO.EINVAL;
    case XENVER.guest_handle:
      return answer(call, handle);
    case XENVER.commandline:
      // Not a domU's business; Xen answers with these words.
      return answer(call, encoder.encode("<denied>\0"));
    case XENVER.build_id:
      return -XEN_ERRNO.EPERM;
    default:
      return -XEN_ERRNO.ENOSYS;
  }
}

/** 0xffff800000000000, little endian. */
const HYPERVISOR_VIRT_START = Uint8Array.of(0, 0, 0, 0, 0, 0x80, 0xff, 0xff);
const HYPERVISOR_VIRT_START_32 = new Uint8Array(4);

const featureInfo = new Uint8Array(xenFeatureInfo.size);
const featureView = new DataView(featureInfo.buffer);

function getFeatures(call: Hypercall, features: number): number {
  const high = call.high[1] ?? 0;
  const low = call.low[1] ?? 0;
  if (!call.memory.copyIn(high, low, featureInfo, featureInfo.length)) return -XEN_ERRNO.EFAULT;
  // There is one submap of 32 features.
  if (featureView.getUint32(xenFeatureInfo.fields.submap_idx.offset, true) !== 0) return -XEN_ERRNO.EINVAL;
  featureView.setUint32(xenFeatureInfo.fields.submap.offset, features, true);
  return answer(call, featureInfo);
}

function answer(call: Hypercall, bytes: Uint8Array): number {
  const written = call.memory.copyOut(call.high[1] ?? 0, call.low[1] ?? 0, bytes, bytes.length);
  return written ? 0 : -XEN_ERRNO.EFAULT;
}

/** Fixed arrays of characters, NUL padded. */
function text(fields: readonly [value: string, size: number][]): Uint8Array {
  const bytes = new Uint8Array(fields.reduce((sum, [, size]) => sum + size, 0));
  let at = 0;
  for (const [value, size] of fields) {
    bytes.set(encoder.encode(value).subarray(0, size - 1), at);
    at += size;
  }
  return bytes;
}
