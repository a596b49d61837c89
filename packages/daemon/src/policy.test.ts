import { type EndAction, GuestConfig, type GuestConfigInput } from "@pvh/builder";
import { expect, test } from "vitest";
import { ExitReason } from "./domain.ts";
import { actionAfter } from "./policy.ts";

const config = (changes: Partial<GuestConfigInput> = {}) =>
  GuestConfig.parse({ name: "g", type: "pvh", kernel: "/k", ...changes });

test.each<[ExitReason, EndAction]>([
  ["poweroff", "destroy"],
  ["reboot", "restart"],
  ["watchdog", "destroy"],
  ["crash", "destroy"],
  ["soft-reset", "soft-reset"],
  ["suspend", "preserve"],
  ["triple-fault", "destroy"],
  ["killed", "destroy"],
  ["host-lost", "destroy"],
])("by default %s is followed by %s", (reason, action) => {
  expect(actionAfter(reason, config(), true)).toBe(action);
});

test.each<[keyof GuestConfigInput, ExitReason[]]>([
  ["on_poweroff", ["poweroff"]],
  ["on_reboot", ["reboot"]],
  ["on_watchdog", ["watchdog"]],
  ["on_crash", ["crash", "triple-fault", "emulation-failure", "vmm-died"]],
  ["on_soft_reset", ["soft-reset"]],
])("%s is for %j alone", (key, reasons) => {
  const renaming = config({ [key]: "rename-restart" });
  const asked = ExitReason.options.filter(
    (reason) => actionAfter(reason, renaming, true) === "rename-restart",
  );
  expect(asked.sort()).toEqual(reasons.sort());
});

test.each<[EndAction, EndAction]>([
  ["destroy", "destroy"],
  ["restart", "restart"],
  ["rename-restart", "restart"],
  ["preserve", "destroy"],
  ["coredump-destroy", "destroy"],
  ["coredump-restart", "restart"],
  ["soft-reset", "destroy"],
])("of %s, %s is left when nothing is left of the domain", (wanted, action) => {
  expect(actionAfter("crash", config({ on_crash: wanted }), true)).toBe(wanted);
  expect(actionAfter("crash", config({ on_crash: wanted }), false)).toBe(action);
});

test("a suspended guest of which nothing is left has ended", () => {
  expect(actionAfter("suspend", config(), false)).toBe("destroy");
  expect(actionAfter("soft-reset", config(), false)).toBe("destroy");
});
