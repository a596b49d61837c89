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

/**
 * The stages before anything is allocated: reads the files and plans the domain's memory.
 *
 * @param trapsVmcall whether the host's KVM lets the VMM see hypercalls that do not go through Xen's page
 */
export async function planImage(
  config: GuestConfig,
  stages: Stages,
  trapsVmcall: boolean,
): Promise<DomainImage> {
  const { kernel, ramdisk } = await stages.run("inspect", () => ({
    kernel: readKernel(config.kernel),
    ramdisk: config.ramdisk === undefined ? undefined : readRamdisk(config.ramdisk, config.memory * 2 ** 20),
  }));
  return stages.run("plan", () => {
    const bootInterface = chooseBootInterface(config, kernel);
    const platform = choosePlatform(config, kernel, bootInterface, { trapsVmcall });
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
