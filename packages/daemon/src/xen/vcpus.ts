import type { GuestConfig } from "@pvh/builder";
import { PvhError } from "@pvh/errors";
import type { XenStore } from "@pvh/xenctl-ffi";
import { homeOf } from "./store-nodes.ts";

export function mostVcpus({ vcpus, maxvcpus = vcpus }: GuestConfig): number {
  return maxvcpus;
}

/** @throws PvhError CONFIG_INVALID */
export function requireVcpu(config: GuestConfig, vcpu: number): void {
  const most = mostVcpus(config);
  if (vcpu < most) return;
  throw new PvhError("CONFIG_INVALID", `vcpu is ${vcpu}, but the domain has the vCPUs 0 to ${most - 1}.`, {
    field: "vcpu",
    found: vcpu,
    allowed: `0 to ${most - 1}`,
  });
}

/** Asks the guest to have the first `count` of its `most` vCPUs online. */
export function setVcpusOnline(store: XenStore, domid: number, most: number, count: number): Promise<void> {
  return store.transaction(async (view) => {
    for (let vcpu = 0; vcpu < most; vcpu++) {
      const path = `${homeOf(domid)}/cpu/${vcpu}/availability`;
      const wanted = vcpu < count ? "online" : "offline";
      if ((await view.read(path)) !== wanted) await view.write(path, wanted);
    }
  });
}
