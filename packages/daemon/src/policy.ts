import type { GuestConfig } from "@pvh/builder";
import type { DomainState, ExitReason } from "./domain.ts";

/** xl's events, as far as the exit of a domain can be one. */
export type LifeCycleEvent = "on_poweroff" | "on_reboot" | "on_watchdog" | "on_crash";

const events: Partial<Record<ExitReason, LifeCycleEvent>> = {
  poweroff: "on_poweroff",
  reboot: "on_reboot",
  watchdog: "on_watchdog",
  crash: "on_crash",
  "triple-fault": "on_crash",
  "emulation-failure": "on_crash",
  "vmm-died": "on_crash",
};

const endStates: Record<ExitReason, DomainState> = {
  poweroff: "shutdown",
  reboot: "shutdown",
  suspend: "shutdown",
  "soft-reset": "shutdown",
  watchdog: "crashed",
  crash: "crashed",
  "triple-fault": "crashed",
  "emulation-failure": "crashed",
  "vmm-died": "crashed",
  killed: "destroyed",
  "host-lost": "lost",
};

/** Whether the config asks for a new start after this exit. What nobody asked to be an event ends the domain. */
export function restartsAfter(reason: ExitReason, config: GuestConfig): boolean {
  const event = events[reason];
  return event !== undefined && config[event] === "restart";
}

/** The state of a domain that stays ended. */
export function endState(reason: ExitReason): DomainState {
  return endStates[reason];
}
