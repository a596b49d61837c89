import { PvhError } from "@pvh/errors";
import type { ClassicPlacement } from "./classic/layout.ts";
import { planClassic } from "./classic/plan.ts";
import { commandLine } from "./config/command-line.ts";
import type { GuestConfig } from "./config/guest-config.ts";
import { planDirect } from "./direct/plan.ts";
import type { XenHypervisor } from "./hypervisor.ts";
import type { BootInterface, DomainImage, HypercallTrap, Platform } from "./image/image.ts";
import { MIB } from "./image/size.ts";
import type { ClassicBoot, DirectBoot, Kernel, Verdict } from "./kernel/types.ts";
import { explainVerdict } from "./kernel/verdict.ts";

/** What a config says about the choice of the boot interface, the platform and the layout. */
export type InterfaceChoice = Pick<GuestConfig, "pvh_abi">;
export type PlatformChoice = Pick<GuestConfig, "platform">;
/** What devices are like does not matter to the plan, only that there are some. */
export interface PlannedDevices {
  disk?: readonly unknown[];
  vif?: readonly unknown[];
}
export type PlanConfig = InterfaceChoice &
  PlannedDevices &
  Pick<GuestConfig, "memory" | "maxmem" | "vcpus" | "maxvcpus" | "cmdline" | "root" | "extra">;

export interface PlanInput {
  config: PlanConfig;
  kernel: Kernel;
  ramdisk?: Uint8Array | undefined;
  platform: Platform;
  /** How the stubs of a classic guest's hypercall page reach the hypervisor. */
  hypercallTrap: HypercallTrap;
  /** The real Xen that an image of the xen platform is for; default: none, our own VMM runs it. */
  hypervisor?: XenHypervisor;
  /** Default `reserved-shared-info`. */
  classicLayout?: ClassicPlacement;
  /** Ports that a classic guest finds in start_info; the backend makes the channels. Default 0: none. */
  eventChannels?: { store: number; console: number };
}

/**
 * The boot interface that a kernel is started by: `pvh_abi` when the config has it, else `direct` when the kernel has
 * PHYS32_ENTRY, else `classic`.
 *
 * @throws PvhError KERNEL_NOT_PVH with what the kernel lacks for each interface in question. A kernel that claims to be
 * direct but cannot be is not started as classic instead: it would hide the defect.
 */
export function chooseBootInterface(config: InterfaceChoice, kernel: Kernel): BootInterface {
  return chosenBoot(config, kernel).bootInterface;
}

type ChosenBoot =
  | { bootInterface: "direct"; boot: DirectBoot }
  | { bootInterface: "classic"; boot: ClassicBoot };

function chosenBoot({ pvh_abi: wanted }: InterfaceChoice, kernel: Kernel): ChosenBoot {
  const { direct, classic } = kernel;
  if (wanted !== "classic") {
    if (direct.state === "supported") return { bootInterface: "direct", boot: direct.boot };
    if (direct.state === "invalid" || wanted === "direct") throw notPvh(kernel, ["direct"], wanted);
  }
  if (classic.state === "supported") return { bootInterface: "classic", boot: classic.boot };
  throw notPvh(kernel, wanted === undefined ? ["direct", "classic"] : [wanted], wanted);
}

function notPvh(kernel: Kernel, considered: BootInterface[], wanted: BootInterface | undefined): PvhError {
  const sentences = considered.map((name) => explainVerdict(name, kernel[name]));
  const others = (["direct", "classic"] as const).filter(
    (name) => !considered.includes(name) && kernel[name].state === "supported",
  );
  for (const name of others) sentences.push(`pvh_abi = "${name}" would work.`);
  return new PvhError("KERNEL_NOT_PVH", sentences.join(" "), {
    field: wanted === undefined ? "kernel" : "pvh_abi",
    found: considered.map((name) => `${name} lacks ${lacks(kernel[name])}`).join("; "),
    allowed: "a kernel with PHYS32_ENTRY, or with the features of classic PVH",
  });
}

function lacks(verdict: Verdict<unknown>): string {
  return [...verdict.missing, ...verdict.problems].join(", ") || "nothing";
}

/**
 * The platform of a guest. `auto`: classic guests need Xen's; direct guests get it when their hypercalls can be taken,
 * by trapping the instruction or through a hypercall page, else bare hardware. Of trapping only kernels make use that say
 * who they are (GUEST_OS): those with nothing of Xen's but the entry point may know nothing else of it.
 *
 * @throws PvhError CONFIG_INVALID when the config asks for a classic guest on the bare platform.
 */
export function choosePlatform(
  config: PlatformChoice,
  kernel: Kernel,
  bootInterface: BootInterface,
  host: { trapsVmcall: boolean },
): Platform {
  if (config.platform === "bare" && bootInterface === "classic") throw bareClassic();
  if (config.platform !== "auto") return config.platform;
  if (bootInterface === "classic") return "xen";
  const { xen } = kernel;
  const takesHypercalls =
    xen?.hypercallPage !== undefined || (host.trapsVmcall && xen?.guestOs !== undefined);
  return takesHypercalls ? "xen" : "bare";
}

function bareClassic(): PvhError {
  return new PvhError(
    "CONFIG_INVALID",
    'platform is "bare", but a classic PVH kernel runs only on Xen\'s interfaces; set it to "xen" or "auto".',
    { field: "platform", found: "bare", allowed: "xen, auto" },
  );
}

/**
 * Plans a domain: where everything stands in guest memory and what the first vCPU's registers are. Copies nothing; the
 * image refers to the kernel's and the ramdisk's bytes.
 *
 * @throws PvhError KERNEL_NOT_PVH, KERNEL_NOTE, LAYOUT_MEMORY or CONFIG_INVALID.
 */
export function planDomain(input: PlanInput): DomainImage {
  const { config, kernel, ramdisk, platform, hypercallTrap, hypervisor } = input;
  const { memory, maxmem = memory, vcpus, maxvcpus = vcpus } = config;
  if (platform === "bare") {
    refuseGrowthOnBare({ maxmem, memory, vcpus, maxvcpus });
    refuseDevicesOnBare(config);
  }
  const common = {
    kernel,
    ramdisk,
    memory: memory * MIB,
    maxMemory: maxmem * MIB,
    commandLine: commandLine(config),
  };
  const { bootInterface, boot } = chosenBoot(config, kernel);
  if (bootInterface === "direct") {
    const acpiMemoryType = hypervisor?.acpiMemoryType ?? "acpi";
    return planDirect({ ...common, boot, platform, vcpus, maxVcpus: maxvcpus, acpiMemoryType });
  }
  if (platform === "bare") throw bareClassic();
  return planClassic({
    ...common,
    boot,
    hypercallTrap,
    smpShims: hypervisor?.smpShims ?? false,
    memoryHole: hypervisor !== undefined,
    placement: input.classicLayout ?? "reserved-shared-info",
    eventChannels: input.eventChannels ?? { store: 0, console: 0 },
  });
}

interface Growth {
  memory: number;
  maxmem: number;
  vcpus: number;
  maxvcpus: number;
}

/** What only the xen platform can give. */
function refuseGrowthOnBare({ memory, maxmem, vcpus, maxvcpus }: Growth): void {
  const [field, found, allowed] =
    maxmem > memory
      ? (["maxmem", maxmem, memory] as const)
      : vcpus > 1
        ? (["vcpus", vcpus, 1] as const)
        : (["maxvcpus", maxvcpus, 1] as const);
  if (found <= allowed) return;
  throw new PvhError(
    "CONFIG_KEY_UNSUPPORTED",
    `${field} is ${found}, but a guest on the bare platform has ${allowed} for good: set it to ${allowed}, or use a kernel that runs on the xen platform.`,
    { field, found, allowed },
  );
}

/** The bare platform has no bus that disks and interfaces could be on. */
function refuseDevicesOnBare({ disk = [], vif = [] }: PlannedDevices): void {
  for (const [field, { length: found }, what] of [
    ["disk", disk, "disks"],
    ["vif", vif, "network interfaces"],
  ] as const) {
    if (found === 0) continue;
    throw new PvhError(
      "CONFIG_KEY_UNSUPPORTED",
      `${field} has ${found === 1 ? "an entry" : `${found} entries`}, but ${what} need the xen platform and this guest is on the bare one: leave ${field} out, or use a kernel that runs on the xen platform.`,
      { field, found, allowed: "none on the bare platform" },
    );
  }
}
