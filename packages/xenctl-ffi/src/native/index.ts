/** Loads koffi and, when opened, the libraries of the running Xen. Every call blocks: for worker threads. */

export { callError } from "./call-error.ts";
export {
  type DomainInfo,
  type DomainParameters,
  type E820Range,
  type Extents,
  type PhysInfo,
  XenControl,
} from "./control.ts";
export { ForeignMemory } from "./foreign-memory.ts";
export { attachLoopDevice, type LoopDevice } from "./loop-device.ts";
export { runningVersion } from "./version.ts";
