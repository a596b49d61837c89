import { e820Entry, XEN_ERRNO, XENMEM, xenMemoryMap, xenMemoryMap32 } from "@pvh/abi";
import type { Hypercall } from "./hypercalls.ts";

const argument = new Uint8Array(xenMemoryMap.size);
const argumentView = new DataView(argument.buffer);

/** memory_op(cmd, arg) (public/memory.h). The upper bits of cmd hold where a continued call goes on: none here. */
export function memoryOp(call: Hypercall): number {
  switch (call.low[0]) {
    case XENMEM.memory_map:
      return memoryMap(call);
    default:
      return -XEN_ERRNO.ENOSYS;
  }
}

function memoryMap(call: Hypercall): number {
  const { memory, domain, code64 } = call;
  const high = call.high[1] ?? 0;
  const low = call.low[1] ?? 0;
  const layout = code64 ? xenMemoryMap : xenMemoryMap32;
  if (!memory.copyIn(high, low, argument, layout.size)) return -XEN_ERRNO.EFAULT;
  const capacity = argumentView.getUint32(layout.fields.nr_entries.offset, true);
  const buffer = layout.fields.buffer.offset;
  const bufferLow = argumentView.getUint32(buffer, true);
  const bufferHigh = code64 ? argumentView.getUint32(buffer + 4, true) : 0;

  const entries = Math.min(capacity, domain.memoryMap.length / e820Entry.size);
  argumentView.setUint32(layout.fields.nr_entries.offset, entries, true);
  const copied =
    memory.copyOut(bufferHigh, bufferLow, domain.memoryMap, entries * e820Entry.size) &&
    memory.copyOut(high, low, argument, layout.size);
  return copied ? 0 : -XEN_ERRNO.EFAULT;
}
