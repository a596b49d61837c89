import { type GuestConfig, refuseForeignDisk } from "@pvh/builder";
import { PvhError } from "@pvh/errors";
import { refuseTakenDisk, refuseTakenVif, requireDisk, requireVif } from "../device-checks.ts";
import { requireMemoryTarget, requireVcpuCount } from "../limits.ts";
import type { ControlCall } from "../protocol.ts";
import type { GuestDevices } from "./guest-devices.ts";

/** How long a guest may take to let go of a device, as in libxl. */
const LET_GO_MS = 10_000;

/** A guest of the xen platform as a toolstack steers it. */
export interface SteeredGuest extends GuestDevices {
  /** False when nobody in the guest would read the request. */
  request(word: "reboot"): boolean;
  /** The same. */
  sysrq(key: string): boolean;
  /** @param memory MiB */
  setMemory(memory: number): void;
  setVcpus(vcpus: number): void;
}

/** What a guest is told through its store, or is given and taken. */
export type SteeringCall = Exclude<
  ControlCall,
  { method: "status" | "pause" | "unpause" | "shutdown" | "destroy" | "rename" }
>;

/**
 * Does what `call` asks for. What the guest has to do itself it does in its own time; devices are answered when they are
 * there, or gone.
 *
 * @param guest undefined on the bare platform, which has no way to tell a guest any of this
 * @throws PvhError
 */
export async function steer(
  guest: SteeredGuest | undefined,
  config: GuestConfig,
  paused: boolean,
  call: SteeringCall,
): Promise<unknown> {
  if (guest === undefined) throw onlyXen(call.method);
  switch (call.method) {
    case "reboot":
      if (paused) throw pausedGuest(call.method);
      return heard(guest.request("reboot"), "a request to reboot");
    case "sysrq":
      if (paused) throw pausedGuest(call.method);
      return heard(guest.sysrq(call.key), "SysRq keys");
    case "set-memory":
      requireMemoryTarget(config, call.memory);
      return guest.setMemory(call.memory);
    case "set-vcpus":
      requireVcpuCount(config, call.vcpus);
      return guest.setVcpus(call.vcpus);
  }
  const there = guest.devices();
  switch (call.method) {
    case "attach-disk":
      refuseForeignDisk(call.disk, "kvm");
      refuseTakenDisk(there, call.disk);
      return guest.attachDisk(call.disk);
    case "detach-disk":
      return soon(guest.detachDisk(requireDisk(there, call.vdev).name, call.force));
    case "attach-vif":
      refuseTakenVif(there, call.vif);
      return guest.attachVif(call.vif);
    case "detach-vif":
      return soon(guest.detachVif(requireVif(there, call.devid).id, call.force));
  }
}

/** A guest without a driver never lets go; its device goes when it does after all. */
async function soon(detached: Promise<void>): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    late.reject(
      new PvhError(
        "DOMAIN_STATE",
        `The guest has not let go of the device within ${LET_GO_MS / 1000} s; it goes when the guest does so, or at once by force.`,
        { field: "force", found: "false", allowed: "true" },
      ),
    );
  }, LET_GO_MS);
  try {
    await Promise.race([detached, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function heard(listens: boolean, what: string): void {
  if (listens) return;
  throw new PvhError(
    "DOMAIN_STATE",
    `The guest does not listen for ${what}: it has no driver for Xen's store, or has not come to it yet.`,
    { field: "state", found: "not listening" },
  );
}

function pausedGuest(method: string): PvhError {
  return new PvhError(
    "DOMAIN_STATE",
    `The domain is paused, so that its guest cannot be told (${method}); unpause it first.`,
    { field: "state", found: "paused", allowed: "running" },
  );
}

function onlyXen(method: string): PvhError {
  return new PvhError(
    "DOMAIN_STATE",
    `The domain's guest runs on the bare platform, where nothing can be told to it (${method}); guests on the xen platform can be.`,
    { field: "platform", found: "bare", allowed: "xen" },
  );
}
