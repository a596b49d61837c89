import { CONSOLEIO, XEN_ERRNO } from "@pvh/abi";
import { CONTINUE, type Hypercall } from "./hypercalls.ts";

const CHUNK = 4096;
const INT_MAX = 0x7fffffff;
const chunk = new Uint8Array(CHUNK);

/** console_io(cmd, count, buffer): only write is for guests. */
export function consoleIo(call: Hypercall): number {
  const cmd = call.low[0];
  if (cmd === CONSOLEIO.read) return -XEN_ERRNO.EPERM;
  if (cmd !== CONSOLEIO.write) return -XEN_ERRNO.ENOSYS;
  const count = call.low[1] ?? 0;
  if (count < 0 || count > INT_MAX) return -XEN_ERRNO.EINVAL;

  const length = Math.min(count, CHUNK);
  const low = call.low[2] ?? 0;
  if (!call.memory.copyIn(call.high[2] ?? 0, low, chunk, length)) return -XEN_ERRNO.EFAULT;
  call.vcpu.consoleOutput(chunk, length);
  if (length === count) return 0;

  call.low[1] = count - length;
  call.low[2] = low + length;
  if ((low >>> 0) + length > 0xffffffff) call.high[2] = (call.high[2] ?? 0) + 1;
  return CONTINUE;
}
