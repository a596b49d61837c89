export type {
  Backend,
  DomainStart,
  HostSummary,
  Instance,
  InstanceState,
  InstanceStatus,
} from "./backend.ts";
export { KvmBackend } from "./backend-kvm.ts";
export { SimulatorBackend } from "./backend-simulator.ts";
export { startDaemon } from "./daemon.ts";
export { openApiDocument } from "./openapi-document.ts";
export { XenBackend } from "./xen/backend.ts";
