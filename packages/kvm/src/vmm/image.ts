import {
  chooseBootInterface,
  choosePlatform,
  type DomainImage,
  type GuestConfig,
  planDomain,
} from "@pvh/builder";
import { readKernel, readRamdisk } from "../boot-files.ts";
import { EVENT_PORTS } from "../platform-xen/create.ts";
import { HYPERCALL_PORT } from "../platform-xen/hypercall-port.ts";
import type { Stages } from "./stages.ts";

/** The stages before anything is allocated: reads the files and plans the domain's memory. */
export async function planImage(config: GuestConfig, stages: Stages): Promise<DomainImage> {
  const { kernel, ramdisk } = await stages.run("inspect", () => ({
    kernel: readKernel(config.kernel),
    ramdisk: config.ramdisk === undefined ? undefined : readRamdisk(config.ramdisk, config.memory * 2 ** 20),
  }));
  return stages.run("plan", () => {
    const bootInterface = chooseBootInterface(config, kernel);
    // Trapping vmcall itself needs KVM_CAP_XEN_HVM, which is not used yet.
    const platform = choosePlatform(config, kernel, bootInterface, { trapsVmcall: false });
    return planDomain({
      config,
      kernel,
      ramdisk,
      platform,
      hypercallTrap: { kind: "port", port: HYPERCALL_PORT },
      eventChannels: EVENT_PORTS,
    });
  });
}
