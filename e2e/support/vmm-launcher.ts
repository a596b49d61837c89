/**
 * A process that launches an attached VMM and then does nothing, for tests that kill it.
 * `node vmm-launcher.ts DIR KERNEL` prints the VMM's pid.
 */
import { randomUUID } from "node:crypto";
import { GuestConfig } from "@pvh/builder";
import { launchVmm } from "@pvh/kvm";

const [, , dir = "", kernel = "", attached = "attached"] = process.argv;
const config = GuestConfig.parse({ name: "launched", type: "pvh", memory: 16, kernel });
const vmm = await launchVmm({
  dir,
  uuid: randomUUID(),
  config,
  startPaused: false,
  attached: attached === "attached",
});
console.log(vmm.pid);
setInterval(() => {}, 1000);
