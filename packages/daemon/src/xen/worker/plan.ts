import { readFileSync } from "node:fs";
import {
  chooseBootInterface,
  type DomainImage,
  type GuestConfig,
  type HypercallTrap,
  planDomain,
} from "@pvh/builder";
import type { XenRelease } from "@pvh/xenctl-ffi";
import { FIRST_PORTS } from "../first-ports.ts";
import { readCachedKernel, readCachedRamdisk } from "./boot-files.ts";
import type { Timed } from "./timed.ts";

const MIB = 2 ** 20;

/** The stages before anything is allocated: reads the files and plans the domain's memory. */
export function planImage(
  config: GuestConfig,
  release: XenRelease,
  cache: string,
  timed: Timed,
): DomainImage {
  const { kernel, ramdisk } = timed("inspect", () => ({
    kernel: readCachedKernel(config.kernel, cache),
    ramdisk:
      config.ramdisk === undefined
        ? undefined
        : readCachedRamdisk(config.ramdisk, config.memory * MIB, cache),
  }));
  return timed("plan", () => {
    const classic = chooseBootInterface(config, kernel) === "classic";
    const { vcpus, maxvcpus = vcpus } = config;
    return planDomain({
      config,
      kernel,
      ramdisk,
      platform: "xen",
      hypercallTrap: hypercallTrap(),
      eventChannels: FIRST_PORTS,
      hypervisor: {
        acpiMemoryType: release.acpiMemoryType,
        smpShims: classic && maxvcpus > 1,
      },
    });
  });
}

/** The instruction that reaches the hypervisor on this processor. */
function hypercallTrap(): HypercallTrap {
  const vendor = /^vendor_id\s*:\s*(\S+)/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1];
  return { kind: vendor === "AuthenticAMD" || vendor === "HygonGenuine" ? "vmmcall" : "vmcall" };
}
