/** Loads koffi and, when opened, the libraries of the running Xen. Every call blocks: for worker threads. */

export { callError } from "./call-error.ts";
export {
  type Affinity,
  type ChannelStatus,
  type CreditScheduler,
  type CreditShare,
  type DomainInfo,
  type DomainParameters,
  type E820Range,
  type Extents,
  type PhysInfo,
  XenControl,
} from "./control.ts";
export type { Cpupool } from "./cpupools.ts";
export type { RestoreRequest, SaveRequest } from "./domain-stream.ts";
export { ForeignMemory } from "./foreign-memory.ts";
export { decodeXz } from "./liblzma.ts";
export { attachLoopDevice, type LoopDevice } from "./loop-device.ts";
export { socketPair } from "./socket-pair.ts";
export { runningVersion } from "./version.ts";
