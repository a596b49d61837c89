/**
 * The face of the VMM: starts VMM processes, finds and controls them, reads what they leave. Nothing here loads native
 * code; that happens in the VMM process alone.
 */
export { checkHost } from "./check-host.ts";
export { readConsoleLog } from "./console/log.ts";
export { connectConsole } from "./console-client.ts";
export { readExitRecord } from "./exit-record.ts";
export { KERNEL_FILE_LIMIT, readInputFile } from "./input-files.ts";
export { type LaunchedVmm, type LaunchOptions, launchVmm, vmmEntry } from "./launch.ts";
export {
  CrashReport,
  DomainFile,
  ExitReason,
  ExitRecord,
  HostReport,
  Stage,
  StageTiming,
  VmmCounters,
  VmmEvent,
  VmmState,
  VmmStatus,
} from "./protocol.ts";
export { endVmmsIn, vmmsIn } from "./stray-vmms.ts";
export { connectVmm, type Vmm } from "./vmm-client.ts";
