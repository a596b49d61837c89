export { BARE_HARDWARE } from "./acpi/bare-hardware.ts";
export { acpiTables } from "./acpi/tables.ts";
export { type CpuidChange, classicCpuPolicy } from "./classic/cpuid-policy.ts";
export type { ClassicPlacement } from "./classic/layout.ts";
export { refuseForeignDisk, refuseForeignKeys } from "./config/backend-keys.ts";
export { commandLine } from "./config/command-line.ts";
export { cpusOfList, listOfCpus, requireCpuList } from "./config/cpu-list.ts";
export { DiskConfig, DiskOptions, parseDisk } from "./config/disk.ts";
export {
  type EndAction,
  endActions,
  GuestConfig,
  type GuestConfigInput,
  type GuestConfigKey,
  guestConfigKeys,
} from "./config/guest-config.ts";
export { type KeyStanding, type KnownKey, knownKeys } from "./config/known-keys.ts";
export { defaultMac } from "./config/mac.ts";
export { type ParseOptions, parseGuestConfig } from "./config/parse-guest-config.ts";
export { type Assignment, type ConfigFile, parseConfigText, type ValueNode } from "./config/parser.ts";
export { parseRate, type VifRate } from "./config/rate.ts";
export { fillConfigReference } from "./config/reference.ts";
export type { Place, Position, SourceText } from "./config/source-text.ts";
export { validateGuestConfig } from "./config/validate.ts";
export { vdevNumber } from "./config/vdev.ts";
export { parseVif, VifConfig, VifOptions } from "./config/vif.ts";
export { configWarnings } from "./config/warnings.ts";
export {
  type Bounds,
  type Compression,
  decompress,
  detectCompression,
  payloadSize,
} from "./decompress/index.ts";
export type { AcpiMemoryType, XenHypervisor } from "./hypervisor.ts";
export { describeImage } from "./image/describe.ts";
export { cpuContextStream, mtrrContextStream } from "./image/hvm-context.ts";
export { hypercallPage } from "./image/hypercall-page.ts";
export type * from "./image/image.ts";
export { type ImageDescription, imageToJson } from "./image/json.ts";
export { type ImageSink, imageSpan, type Segment, segments, writeImage } from "./image/segments.ts";
export { inspectKernel } from "./kernel/inspect.ts";
export { unpackRamdisk } from "./kernel/ramdisk.ts";
export { kernelRegions } from "./kernel/regions.ts";
export { type AbiReport, type KernelReport, kernelReport, type NoteReport } from "./kernel/report.ts";
export type {
  BootAddresses,
  ClassicBoot,
  DirectBoot,
  Kernel,
  KernelFormat,
  KernelNote,
  LoadSegment,
  SymbolTable,
  UnpackedKernel,
  Verdict,
  XenParameters,
} from "./kernel/types.ts";
export { type UnpackLimits, unpackKernel } from "./kernel/unpack.ts";
export { explainVerdict, interfaceHelp } from "./kernel/verdict.ts";
export {
  chooseBootInterface,
  choosePlatform,
  type PlanConfig,
  type PlanInput,
  planDomain,
} from "./plan.ts";
