/**
 * The face of the VMM: starts VMM processes, finds and controls them, reads what they leave. Nothing here loads native
 * code; that happens in the VMM process alone.
 */

export { readKernel, readRamdisk } from "./boot-files.ts";
export { readConsoleLog } from "./console/log.ts";
export { refuseTakenDisk, refuseTakenVif, requireDisk, requireVif } from "./device-checks.ts";
export { readExitRecord } from "./exit-record.ts";
export { readInputFile } from "./input-files.ts";
export { checkHost } from "./launcher/check-host.ts";
export { connectConsole } from "./launcher/console-client.ts";
export { type LaunchedVmm, type LaunchOptions, launchVmm, vmmEntry } from "./launcher/launch.ts";
export { identify, isAlive, kill, type ProcessIdentity, waitUntilGone } from "./launcher/process-identity.ts";
export { processesIn } from "./launcher/processes-in.ts";
export { endVmmsOf, vmmsOf } from "./launcher/stray-vmms.ts";
export { connectVmm, type Vmm } from "./launcher/vmm-client.ts";
export { requireMemoryTarget, requireVcpuCount } from "./limits.ts";
export {
  CrashReport,
  DeviceStatus,
  DomainFile,
  ExitReason,
  ExitRecord,
  HostReport,
  Stage,
  StageTiming,
  SysrqKey,
  VcpuCounts,
  VmmCounters,
  VmmEvent,
  VmmState,
  VmmStatus,
} from "./protocol.ts";
