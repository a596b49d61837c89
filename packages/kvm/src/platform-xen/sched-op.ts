import { SCHEDOP, SHUTDOWN, schedShutdown, XEN_ERRNO } from "@pvh/abi";
import type { ExitReason } from "../protocol.ts";
import type { Hypercall } from "./hypercalls.ts";

const reasons: Record<number, ExitReason> = {
  [SHUTDOWN.poweroff]: "poweroff",
  [SHUTDOWN.reboot]: "reboot",
  [SHUTDOWN.suspend]: "suspend",
  [SHUTDOWN.crash]: "crash",
  [SHUTDOWN.watchdog]: "watchdog",
  [SHUTDOWN.soft_reset]: "soft-reset",
};

const argument = new Uint8Array(schedShutdown.size);
const argumentView = new DataView(argument.buffer);

/** sched_op(cmd, arg) (public/sched.h). */
export function schedOp(call: Hypercall): number {
  switch (call.low[0]) {
    case SCHEDOP.yield:
      return 0;
    case SCHEDOP.shutdown:
      return shutdown(call);
    default:
      return -XEN_ERRNO.ENOSYS;
  }
}

function shutdown(call: Hypercall): number {
  if (!call.memory.copyIn(call.high[1] ?? 0, call.low[1] ?? 0, argument, argument.length))
    return -XEN_ERRNO.EFAULT;
  // Xen keeps the low byte of the reason, and toolstacks take an unknown one for a crash.
  const code = argumentView.getUint32(schedShutdown.fields.reason.offset, true) & 0xff;
  const reason = reasons[code];
  if (reason === undefined) call.vcpu.end("crash", `SCHEDOP_shutdown with the unknown reason ${code}`);
  else if (reason === "crash")
    call.vcpu.end("crash", "the guest called SCHEDOP_shutdown with the reason crash");
  else call.vcpu.end(reason);
  return 0;
}
