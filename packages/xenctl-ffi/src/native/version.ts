import { HYPERCALL, XENVER } from "@pvh/abi";
import { requirePrivcmd } from "../privcmd.ts";
import { callError } from "./call-error.ts";
import { errno } from "./libc.ts";
import { loadLibrary, pointer } from "./library.ts";

/**
 * The running hypervisor's version, as XENVER_version gives it. Asked through libxencall, the one library whose interface
 * is the same for all releases: this decides which others are loaded.
 *
 * @throws PvhError HOST_XEN_MISSING, HOST_XEN_FORBIDDEN, HOST_XEN_LIBRARY or XEN_CALL
 */
export function runningVersion(): number {
  requirePrivcmd();
  const lib = loadLibrary("libxencall.so.1");
  const open: (logger: null, flags: number) => bigint | null = lib.func(
    "void *xencall_open(void *logger, uint flags)",
  );
  const close: (handle: bigint) => number = lib.func("int xencall_close(void *handle)");
  const call: (handle: bigint, op: number, command: number, argument: number) => number = lib.func(
    "int xencall2(void *handle, uint op, uint64_t command, uint64_t argument)",
  );
  const handle = pointer(open(null, 0));
  if (handle === undefined) throw callError("xencall_open()", errno());
  try {
    const version = call(handle, HYPERCALL.xen_version, XENVER.version, 0);
    if (version < 0) throw callError("xencall2(xen_version)", errno());
    return version;
  } finally {
    close(handle);
  }
}
