/** What of Xen's control needs no native code. `@pvh/xenctl-ffi/native` has the rest. */

export { requirePrivcmd } from "./privcmd.ts";
export { type XenRelease, xenRelease } from "./releases.ts";
export * from "./xenstore/index.ts";
