import type { EndAction, GuestConfig } from "@pvh/builder";
import type { DomainState, ExitReason } from "./domain.ts";

/** xl's events, as far as the exit of a domain can be one. */
export type LifeCycleEvent = "on_poweroff" | "on_reboot" | "on_watchdog" | "on_crash" | "on_soft_reset";

const events: Partial<Record<ExitReason, LifeCycleEvent>> = {
  poweroff: "on_poweroff",
  reboot: "on_reboot",
  watchdog: "on_watchdog",
  crash: "on_crash",
  "soft-reset": "on_soft_reset",
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

/** What is left of each action when nothing is left of the domain. */
const withoutRemains: Record<EndAction, "destroy" | "restart"> = {
  destroy: "destroy",
  restart: "restart",
  "rename-restart": "restart",
  preserve: "destroy",
  "coredump-destroy": "destroy",
  "coredump-restart": "restart",
  "soft-reset": "destroy",
};

/**
 * What the config asks for after this exit. What nobody asked to be an event ends the domain.
 *
 * @param remains whether the domain is still there, with its memory
 */
export function actionAfter(reason: ExitReason, config: GuestConfig, remains: boolean): EndAction {
  // Whoever had it suspend, perhaps another toolstack that saves it, wants it to stay.
  if (reason === "suspend") return remains ? "preserve" : "destroy";
  const event = events[reason];
  const action = event === undefined ? "destroy" : (config[event] ?? "soft-reset");
  return remains ? action : withoutRemains[action];
}

/** The state of a domain that stays ended. */
export function endState(reason: ExitReason): DomainState {
  return endStates[reason];
}
