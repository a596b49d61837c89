import { SHUTDOWN } from "@pvh/abi";
import type { ExitReason } from "../domain.ts";

const reasons = new Map<number, ExitReason>([
  [SHUTDOWN.poweroff, "poweroff"],
  [SHUTDOWN.reboot, "reboot"],
  [SHUTDOWN.suspend, "suspend"],
  [SHUTDOWN.crash, "crash"],
  [SHUTDOWN.watchdog, "watchdog"],
  [SHUTDOWN.soft_reset, "soft-reset"],
]);

/** @param code of SCHEDOP_shutdown */
export function exitReason(code: number): ExitReason {
  return reasons.get(code) ?? "crash";
}

/** The last line that has something on it, without control characters; at most 200 characters. */
export function lastLine(output: Uint8Array): string | undefined {
  const text = new TextDecoder().decode(output.slice(-4096));
  const lines = text.split(/[\r\n]+/).map((line) => line.replace(/\p{Cc}/gu, "").trim());
  return lines.findLast((line) => line !== "")?.slice(-200);
}
