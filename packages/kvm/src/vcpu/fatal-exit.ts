import { KVM_INTERNAL_ERROR_EMULATION, kvmExit, kvmRun, kvmSystemEvent } from "@pvh/abi";
import { hex } from "@pvh/errors";
import { hexBytes } from "./crash-report.ts";
import { exitName } from "./exit-history.ts";
import type { RunPage } from "./run-page.ts";
import type { GuestEnd } from "./setup.ts";

/** What an exit means after which the guest cannot go on; every exit that the run loop does not know is one. */
export function fatalExit(reason: number, run: RunPage): GuestEnd {
  const { data, bytes } = run;
  switch (reason) {
    case kvmExit.KVM_EXIT_SHUTDOWN:
      return {
        reason: "triple-fault",
        detail: "the processor shut down after a fault that no handler of the guest took",
      };
    case kvmExit.KVM_EXIT_SYSTEM_EVENT:
      return systemEvent(data.getUint32(kvmRun.system_event.type, true));
    case kvmExit.KVM_EXIT_INTERNAL_ERROR:
      return { reason: "emulation-failure", detail: internalError(run) };
    case kvmExit.KVM_EXIT_FAIL_ENTRY:
    case kvmExit.KVM_EXIT_UNKNOWN: {
      const code = hex(data.getBigUint64(kvmRun.hardware_reason, true));
      return {
        reason: "emulation-failure",
        detail: `${exitName(reason)}: the processor's reason is ${code}`,
      };
    }
    default: {
      const raw = hexBytes(bytes.subarray(kvmRun.hardware_reason, kvmRun.hardware_reason + 16));
      return { reason: "emulation-failure", detail: `unexpected ${exitName(reason)} (${raw})` };
    }
  }
}

function systemEvent(type: number): GuestEnd {
  switch (type) {
    case kvmSystemEvent.KVM_SYSTEM_EVENT_SHUTDOWN:
      return { reason: "poweroff" };
    case kvmSystemEvent.KVM_SYSTEM_EVENT_RESET:
      return { reason: "reboot" };
    default:
      return { reason: "crash", detail: `KVM reported the system event ${type}` };
  }
}

function internalError(run: RunPage): string {
  const suberror = run.data.getUint32(kvmRun.internal.suberror, true);
  if (suberror !== KVM_INTERNAL_ERROR_EMULATION) return `KVM internal error, suberror ${suberror}`;
  const bytes = notEmulated(run);
  return `the host's KVM cannot emulate an instruction${bytes.length === 0 ? "" : `: ${hexBytes(bytes)}`}`;
}

/** Bytes from the instruction on that KVM could not emulate; none when it was something else, or KVM does not tell. */
export function notEmulated({ data, bytes }: RunPage): Uint8Array {
  const { flags, insn_size, insn_bytes } = kvmRun.emulation_failure;
  const known =
    data.getUint32(kvmRun.internal.suberror, true) === KVM_INTERNAL_ERROR_EMULATION &&
    data.getUint32(kvmRun.internal.ndata, true) > 0 &&
    (data.getUint32(flags, true) & 1) !== 0;
  return bytes.subarray(insn_bytes, insn_bytes + (known ? Math.min(bytes[insn_size] ?? 0, 15) : 0));
}
