export type {
  Backend,
  DomainStart,
  HostSummary,
  Instance,
  InstanceState,
  InstanceStatus,
} from "./backend.ts";
export { KvmBackend } from "./backend-kvm.ts";
export { startDaemon } from "./daemon.ts";
export { openApiDocument } from "./openapi-document.ts";
export { SimulatorBackend } from "./simulator/backend.ts";
export { XenBackend } from "./xen/backend.ts";
