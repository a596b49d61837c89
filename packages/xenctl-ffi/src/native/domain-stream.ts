import { restoreCallbacks, saveCallbacks, XC_STREAM_PLAIN, XCFLAGS, XGR_SDD_MISSING } from "@pvh/abi";
import { Callbacks } from "./callbacks.ts";
import type { Libxenctrl } from "./libxenctrl.ts";

/** There is no second stream in the other direction. */
const NO_FD = -1;

export interface SaveRequest {
  /** Where libxenguest's stream goes to. */
  fd: number;
  /** Sends memory while the guest still runs, and only what it then changes when it has suspended. */
  live: boolean;
  /** Must bring the guest to SCHEDOP_shutdown with reason suspend; what it throws ends the call. */
  suspend: () => void;
}

export interface RestoreRequest {
  /** Where libxenguest's stream comes from. */
  fd: number;
  /** Ports of the new domain. */
  storePort: number;
  consolePort: number;
  /** The stream, an old one, says nothing of CPUID: the new domain needs a policy. */
  defaultCpuPolicy: () => void;
}

/** Writes the memory and the state of a domain. It stays suspended. */
export function saveDomain(lib: Libxenctrl, domid: number, { fd, live, suspend }: SaveRequest): void {
  const callbacks = new Callbacks();
  const accepted = { done: 1, failed: 0 };
  const table = saveCallbacks.encode({
    suspend: callbacks.add("ofData", accepted, suspend),
    // Insisted on for HVM containers, and about a device model, which there is none of.
    switch_qemu_logdirty: callbacks.add("ofNumbers", { done: 0, failed: -1 }, () => {}),
  });
  const flags = live ? XCFLAGS.LIVE : 0;
  withFailureOf(callbacks, () => lib.call("xc_domain_save", fd, domid, flags, table, XC_STREAM_PLAIN, NO_FD));
}

/** Fills a new domain with memory and state from a stream; gives the frames that it shares with store and console. */
export function restoreDomain(
  lib: Libxenctrl,
  domid: number,
  { fd, storePort, consolePort, defaultCpuPolicy }: RestoreRequest,
): { store: number; console: number } {
  const callbacks = new Callbacks();
  const table = restoreCallbacks.encode({
    static_data_done: callbacks.add("ofNumber", { done: 0, failed: -1 }, (missing) => {
      if ((missing & XGR_SDD_MISSING.CPUID) !== 0) defaultCpuPolicy();
    }),
  });
  const [store, console] = [new BigUint64Array(1), new BigUint64Array(1)];
  const [storeDomid, consoleDomid, memflags] = [0, 0, 0];
  withFailureOf(callbacks, () =>
    lib.call(
      "xc_domain_restore",
      ...[fd, domid, storePort, store, storeDomid, consolePort, console, consoleDomid],
      ...[XC_STREAM_PLAIN, table, NO_FD, memflags],
    ),
  );
  return { store: Number(store[0]), console: Number(console[0]) };
}

/** The library only says that a callback failed; what it threw is the reason. */
function withFailureOf(callbacks: Callbacks, call: () => void): void {
  try {
    call();
  } catch (error) {
    throw callbacks.failure ?? error;
  } finally {
    callbacks.release();
  }
}
