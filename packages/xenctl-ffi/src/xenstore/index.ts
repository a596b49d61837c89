/** The face of the client of a host's xenstored. No native code. */

export type { Permission } from "./answers.ts";
export { textOfUtf8, utf8Text } from "./byte-text.ts";
export { connectStore, socketPaths } from "./connect.ts";
export { XenStoreError } from "./error.ts";
export { makeChanges, record, type StoreChange, StoreRecorder } from "./recorder.ts";
export type { StoreTransport, TransportListener } from "./transport.ts";
export type { StoreView } from "./view.ts";
export { XenStore, type XenStoreOptions } from "./xenstore.ts";
