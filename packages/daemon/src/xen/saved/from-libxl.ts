import { isAbsolute } from "node:path";
import { listOfCpus, validateGuestConfig } from "@pvh/builder";
import { PvhError } from "@pvh/errors";
import { rateText } from "../device-configs.ts";
import { END_EVENTS, LIBXL_ACTIONS } from "./libxl-config.ts";
import { type LibxlDisk, type LibxlDocument, type LibxlNic, readLibxlDocument } from "./libxl-document.ts";
import type { OwnData } from "./own-data.ts";

const KIB_PER_MIB = 1024;
/** The pool that there is always. */
const DEFAULT_POOL = "Pool-0";
/** More than any set names: none of them is all CPUs. */
const MANY_CPUS = 1 << 20;

/**
 * What libxl's config says of a domain that xl has saved, as far as a domain of pvhd can have that.
 *
 * @throws PvhError SAVED_FORMAT, CONFIG_INVALID, or CONFIG_KEY_UNSUPPORTED
 */
export function dataOfLibxl(text: string): OwnData {
  const document = readLibxlDocument(text);
  const { c_info, b_info, disks, nics } = document;
  const { kernel, ramdisk } = b_info;
  if (kernel === undefined) {
    throw new PvhError(
      "CONFIG_INVALID",
      "The saved domain has no kernel in its config, by which it could be started again after a reboot; xl restore may restore it.",
      { field: "b_info.kernel", found: "nothing", allowed: "the path of a kernel" },
    );
  }
  for (const [key, path] of Object.entries({ kernel, ramdisk })) refuseRelative(`b_info.${key}`, path);
  disks.forEach(({ pdev_path }, i) => {
    refuseRelative(`disks[${i}].pdev_path`, pdev_path);
  });
  const config = validateGuestConfig({
    type: "pvh",
    platform: "xen",
    name: c_info.name,
    uuid: c_info.uuid,
    kernel,
    ...given({ ramdisk, cmdline: b_info.cmdline, pool: poolOf(c_info.pool_name) }),
    ...sizes(b_info),
    ...scheduling(b_info),
    ...given({
      max_grant_frames: b_info.max_grant_frames,
      max_maptrack_frames: b_info.max_maptrack_frames,
      max_grant_version: b_info.max_grant_version,
      max_event_channels: b_info.event_channels === 0 ? undefined : b_info.event_channels,
    }),
    disk: disks.map(diskOptions),
    vif: nics.map(vifOptions),
    ...Object.fromEntries(END_EVENTS.map((event) => [event, action(document[event])])),
  });
  // Where it is not said, it is a domain of a Xen that did not ask.
  return { config, msrRelaxed: isNot(b_info.arch_x86.msr_relaxed) };
}

function poolOf(name: string | undefined): string | undefined {
  return name === DEFAULT_POOL ? undefined : name;
}

type BuildInfo = LibxlDocument["b_info"];

function sizes({ target_memkb, max_memkb = target_memkb, avail_vcpus, max_vcpus }: BuildInfo) {
  const memory = Math.ceil(target_memkb / KIB_PER_MIB);
  return {
    memory,
    maxmem: Math.max(memory, Math.ceil(max_memkb / KIB_PER_MIB)),
    vcpus: Math.max(1, avail_vcpus.length),
    maxvcpus: max_vcpus,
  };
}

function scheduling({ sched_params, vcpu_hard_affinity, vcpu_soft_affinity }: BuildInfo) {
  return given({
    cpu_weight: sched_params.weight,
    cap: sched_params.cap,
    cpus: affinity(vcpu_hard_affinity),
    cpus_soft: affinity(vcpu_soft_affinity),
  });
}

/** One text where all vCPUs have the same. */
function affinity(sets: readonly (readonly number[])[] | undefined): string | string[] | undefined {
  if (sets === undefined || sets.length === 0) return undefined;
  const texts = sets.map((cpus) => listOfCpus(new Set(cpus), MANY_CPUS));
  const [first] = texts;
  return texts.every((text) => text === first) ? first : texts;
}

function diskOptions(disk: LibxlDisk) {
  return {
    target: disk.pdev_path,
    vdev: disk.vdev,
    format: disk.format,
    access: disk.readwrite === 0 ? "r" : "w",
    devtype: disk.is_cdrom === 0 ? "disk" : "cdrom",
    discard: isNot(disk.discard_enable),
    direct_io_safe: disk.direct_io_safe === true || disk.direct_io_safe === "True",
    trusted: isNot(disk.trusted),
    ...given({ backendtype: disk.backend, specification: disk.specification }),
    ...(disk.script === undefined || disk.script === "" ? {} : { script: disk.script }),
  };
}

function vifOptions(nic: LibxlNic) {
  const { rate_bytes_per_interval: bytes, rate_interval_usecs: microseconds } = nic;
  return {
    ...given({ devid: nic.devid, mac: nic.mac, ip: nic.ip, bridge: nic.bridge, vifname: nic.ifname }),
    ...given({ mtu: nic.mtu, script: nic.script, type: nic.nictype }),
    ...(bytes === 0 || microseconds === 0 ? {} : { rate: rateText(bytes, microseconds) }),
    ...(isNot(nic.trusted) ? {} : { trusted: false }),
  };
}

/** Whether a flag that is on by default stays so. */
function isNot(flag: boolean | string | undefined): boolean {
  return flag !== false && flag !== "False";
}

/** What nobody has set is libxl's first action. */
function action(word = LIBXL_ACTIONS.destroy): string {
  const found = Object.entries(LIBXL_ACTIONS).find(([, libxl]) => libxl === word);
  return found?.[0] ?? word;
}

function refuseRelative(field: string, path: string | undefined): void {
  if (path === undefined || isAbsolute(path)) return;
  throw new PvhError(
    "CONFIG_INVALID",
    `The saved domain has ${JSON.stringify(path)} as its ${field}, relative to the folder that xl was started in, which the file does not say; xl restore may restore it.`,
    { field, found: path, allowed: "an absolute path" },
  );
}

/** What is there of it. */
function given(values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
