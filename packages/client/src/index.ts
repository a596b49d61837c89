export {
  type Domain,
  type DomainAction,
  type DomainRequest,
  type DomainState,
  type DomainSummary,
  type Host,
  PvhClient,
} from "./client.ts";
export type { DomainConsole } from "./console.ts";
export { defaultSocket } from "./socket.ts";
