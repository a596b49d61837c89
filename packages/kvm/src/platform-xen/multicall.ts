import { multicallEntry, multicallEntry32, XEN_ERRNO } from "@pvh/abi";
import { Argument, element, elementAt } from "./argument.ts";
import type { Hypercall } from "./hypercalls.ts";

const argument = new Argument(multicallEntry.size);
const ARGUMENTS = 6;

/** multicall(entries, count): several hypercalls at once, each with its own result. `dispatch` runs one. */
export function multicall(call: Hypercall, dispatch: (call: Hypercall, nr: number) => number): number {
  const { code64, memory } = call;
  const { size, fields } = code64 ? multicallEntry : multicallEntry32;
  const wordSize = code64 ? 8 : 4;
  const high = call.high[0] ?? 0;
  const low = call.low[0] ?? 0;
  const count = (call.low[1] ?? 0) >>> 0;
  for (let i = 0; i < count; i++) {
    elementAt(high, low, i * size);
    const entry = { high: element.high, low: element.low };
    if (!memory.copyIn(entry.high, entry.low, argument.bytes, size)) return -XEN_ERRNO.EFAULT;
    for (let n = 0; n < ARGUMENTS; n++) {
      const at = fields.args.offset + n * wordSize;
      call.low[n] = argument.view.getInt32(at, true);
      call.high[n] = code64 ? argument.view.getInt32(at + 4, true) : 0;
    }
    const result = dispatch(call, argument.u32(fields.op.offset));
    argument.view.setInt32(0, result, true);
    argument.view.setInt32(4, result < 0 ? -1 : 0, true);
    elementAt(entry.high, entry.low, fields.result.offset);
    if (!memory.copyOut(element.high, element.low, argument.bytes, wordSize)) return -XEN_ERRNO.EFAULT;
    // A long list keeps the vCPU from nothing that others want of it.
    if (!call.vcpu.serviceRequests()) return 0;
  }
  return 0;
}
