/** The face of the store for whoever serves guests with it. Pure: no I/O, no native code. */

export { utf8Text } from "./byte-text.ts";
export type { Permission, StoreClient } from "./client.ts";
export {
  addDevice,
  type DeviceKind,
  type DeviceNodes,
  type DevicePaths,
  devicePaths,
  removeDevice,
} from "./device-nodes.ts";
export { announceShutdown, introduceDomain, releaseDomain } from "./domain-life.ts";
export { LocalClient, type LocalClientOptions } from "./local-client.ts";
export { type GuestNodes, populateDomain0, populateGuest, type RingPage, removeGuest } from "./populate.ts";
export { encodeMessage, StoreConnection } from "./protocol.ts";
export type { Quotas } from "./quotas.ts";
export { StoreRing } from "./ring.ts";
export { Store } from "./store.ts";
export { StoreError } from "./store-error.ts";
