export {
  type Device,
  type DiskRequest,
  type Domain,
  type DomainAction,
  type DomainChange,
  type DomainRequest,
  type DomainState,
  type DomainSummary,
  type Host,
  type Pinning,
  PvhClient,
  type Trigger,
  type VifRequest,
} from "./client.ts";
export type { DomainConsole } from "./console.ts";
export { defaultSocket } from "./socket.ts";
