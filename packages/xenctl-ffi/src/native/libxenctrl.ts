import { callError } from "./call-error.ts";
import { errno, type MemoryStream, memoryStream } from "./libc.ts";
import { type Library, loadLibrary, pointer } from "./library.ts";

/** What crosses over: integers, booleans, memory that the call reads or writes, null pointers. */
export type Argument = number | bigint | boolean | Uint8Array | BigUint64Array | Int32Array | null;

/**
 * The calls of libxenctrl that are made, as xenctrl.h of 4.17 to 4.22 declares them; `xch` is the handle. The ninth
 * argument of xc_cpuid_apply_policy came with 4.17.2, and the last one of xc_domain_restore with 4.22; before, the
 * processor's calling convention ignores them.
 */
const prototypes = {
  xc_version: "int xc_version(void *xch, int cmd, void *arg)",
  xc_physinfo: "int xc_physinfo(void *xch, void *info)",
  xc_sched_id: "int xc_sched_id(void *xch, void *id)",
  xc_domain_create: "int xc_domain_create(void *xch, void *domid, void *config)",
  xc_domain_destroy: "int xc_domain_destroy(void *xch, uint32_t domid)",
  xc_domain_pause: "int xc_domain_pause(void *xch, uint32_t domid)",
  xc_domain_unpause: "int xc_domain_unpause(void *xch, uint32_t domid)",
  xc_domain_shutdown: "int xc_domain_shutdown(void *xch, uint32_t domid, int reason)",
  xc_domain_resume: "int xc_domain_resume(void *xch, uint32_t domid, int fast)",
  xc_domain_save:
    "int xc_domain_save(void *xch, int fd, uint32_t domid, uint32_t flags, void *callbacks, int kind, int back)",
  xc_domain_restore:
    "int xc_domain_restore(void *xch, int fd, uint32_t domid, uint store_port, void *store_gfn, uint32_t store_domid, uint console_port, void *console_gfn, uint32_t console_domid, int kind, void *callbacks, int back, uint memflags)",
  xc_domain_soft_reset: "int xc_domain_soft_reset(void *xch, uint32_t domid)",
  xc_domain_sethandle: "int xc_domain_sethandle(void *xch, uint32_t domid, void *handle)",
  xc_domain_getinfolist: "int xc_domain_getinfolist(void *xch, uint32_t first, uint max, void *info)",
  xc_domain_max_vcpus: "int xc_domain_max_vcpus(void *xch, uint32_t domid, uint max)",
  xc_domain_setmaxmem: "int xc_domain_setmaxmem(void *xch, uint32_t domid, uint64_t kib)",
  xc_domain_claim_pages: "int xc_domain_claim_pages(void *xch, uint32_t domid, ulong pages)",
  xc_evtchn_alloc_unbound: "int xc_evtchn_alloc_unbound(void *xch, uint32_t domid, uint32_t remote)",
  xc_evtchn_status: "int xc_evtchn_status(void *xch, void *status)",
  xc_domain_set_tsc_info:
    "int xc_domain_set_tsc_info(void *xch, uint32_t domid, uint32_t mode, uint64_t ns, uint32_t khz, uint32_t incarnation)",
  xc_domain_set_time_offset: "int xc_domain_set_time_offset(void *xch, uint32_t domid, int32_t seconds)",
  xc_set_paging_mempool_size: "int xc_set_paging_mempool_size(void *xch, uint32_t domid, uint64_t bytes)",
  xc_cpuid_apply_policy:
    "int xc_cpuid_apply_policy(void *xch, uint32_t domid, bool restore, void *featureset, uint features, bool pae, bool itsc, bool nested, void *xend, void *msr)",
  xc_domain_populate_physmap:
    "int xc_domain_populate_physmap(void *xch, uint32_t domid, ulong extents, uint order, uint flags, void *gfns)",
  xc_domain_set_pod_target:
    "int xc_domain_set_pod_target(void *xch, uint32_t domid, uint64_t pages, void *total, void *cache, void *entries)",
  xc_domain_set_memory_map:
    "int xc_domain_set_memory_map(void *xch, uint32_t domid, void *entries, uint32_t count)",
  xc_domain_add_to_physmap:
    "int xc_domain_add_to_physmap(void *xch, uint32_t domid, uint space, ulong index, uint64_t gfn)",
  xc_domain_maximum_gpfn: "int xc_domain_maximum_gpfn(void *xch, uint32_t domid, void *gfns)",
  xc_hvm_param_set: "int xc_hvm_param_set(void *xch, uint32_t domid, uint32_t index, uint64_t value)",
  xc_hvm_param_get: "int xc_hvm_param_get(void *xch, uint32_t domid, uint32_t index, void *value)",
  xc_domain_hvm_getcontext:
    "int xc_domain_hvm_getcontext(void *xch, uint32_t domid, void *buffer, uint32_t size)",
  xc_domain_hvm_setcontext:
    "int xc_domain_hvm_setcontext(void *xch, uint32_t domid, void *buffer, uint32_t size)",
  xc_domain_send_trigger:
    "int xc_domain_send_trigger(void *xch, uint32_t domid, uint32_t trigger, uint32_t vcpu)",
  xc_vcpu_getcontext: "int xc_vcpu_getcontext(void *xch, uint32_t domid, uint32_t vcpu, void *context)",
  xc_get_pfn_type_batch: "int xc_get_pfn_type_batch(void *xch, uint32_t domid, uint count, void *gfns)",
  xc_vcpu_setaffinity:
    "int xc_vcpu_setaffinity(void *xch, uint32_t domid, int vcpu, void *hard, void *soft, uint32_t flags)",
  xc_vcpu_getaffinity:
    "int xc_vcpu_getaffinity(void *xch, uint32_t domid, int vcpu, void *hard, void *soft, uint32_t flags)",
  xc_get_cpumap_size: "int xc_get_cpumap_size(void *xch)",
  xc_sched_credit_domain_set: "int xc_sched_credit_domain_set(void *xch, uint32_t domid, void *settings)",
  xc_sched_credit_domain_get: "int xc_sched_credit_domain_get(void *xch, uint32_t domid, void *settings)",
  xc_sched_credit2_domain_set: "int xc_sched_credit2_domain_set(void *xch, uint32_t domid, void *settings)",
  xc_sched_credit2_domain_get: "int xc_sched_credit2_domain_get(void *xch, uint32_t domid, void *settings)",
} as const;

export type ControlCall = keyof typeof prototypes;
/** Those of libxenguest, which is loaded when one of them is used. */
const OF_LIBXENGUEST: ReadonlySet<ControlCall> = new Set([
  "xc_cpuid_apply_policy",
  "xc_domain_restore",
  "xc_domain_resume",
  "xc_domain_save",
]);

/** Calls that return memory, and those that free it. */
const FREED_BY = { xc_cpupool_getinfo: "xc_cpupool_infofree" } as const;
type SearchCall = keyof typeof FREED_BY;

type Bound = (handle: bigint, ...args: (Argument | string)[]) => number;

/** XTL_ERROR, and no reports of progress. */
const LOG_LEVEL = 8;
const HIDE_PROGRESS = 4;

/** libxenctrl and libxenguest of one release with an open handle. Calls block: for a thread that may wait. */
export class Libxenctrl {
  readonly #library: Library;
  readonly #release: string;
  readonly #handle: bigint;
  readonly #log: MemoryStream | undefined;
  readonly #bound = new Map<ControlCall, Bound>();

  /** @throws PvhError HOST_XEN_LIBRARY or XEN_CALL */
  constructor(release: string) {
    this.#release = release;
    this.#library = loadLibrary(`libxenctrl.so.${release}`);
    this.#log = memoryStream("xen-errors");
    const logger = this.#log === undefined ? null : createLogger(this.#log.file);
    const open: (logger: bigint | null, builder: bigint | null, flags: number) => bigint | null =
      this.#library.func("void *xc_interface_open(void *logger, void *builder, uint flags)");
    const handle = pointer(open(logger, logger, 0));
    if (handle === undefined) throw callError("xc_interface_open()", errno(), this.#log?.take());
    this.#handle = handle;
  }

  /**
   * Makes a call; its result, which is not negative.
   *
   * @throws PvhError XEN_CALL with the arguments, errno's name and what the library said
   */
  call(name: ControlCall, ...args: (Argument | string)[]): number {
    const result = this.#bind(name)(this.#handle, ...args);
    if (result >= 0) return result;
    const number = errno();
    throw callError(`${name}(${args.map(shownArgument).join(", ")})`, number, this.#log?.take());
  }

  /**
   * Makes a call that looks for something from number `from` on.
   *
   * @param read is given the address of what was found, which is valid until it returns
   * @returns undefined when there is nothing
   */
  find<T>(name: SearchCall, from: number, read: (address: bigint) => T): T | undefined {
    const search: (handle: bigint, from: number) => bigint | null = this.#library.func(
      `void *${name}(void *xch, uint32_t from)`,
    );
    const free: (handle: bigint, info: bigint) => void = this.#library.func(
      `void ${FREED_BY[name]}(void *xch, void *info)`,
    );
    const address = pointer(search(this.#handle, from));
    if (address === undefined) {
      this.#log?.take();
      return undefined;
    }
    try {
      return read(address);
    } finally {
      free(this.#handle, address);
    }
  }

  close(): void {
    const close: (handle: bigint) => number = this.#library.func("int xc_interface_close(void *xch)");
    close(this.#handle);
  }

  /** On first use, so that a release without a call lacks nothing but that. */
  #bind(name: ControlCall): Bound {
    const known = this.#bound.get(name);
    if (known !== undefined) return known;
    const library = OF_LIBXENGUEST.has(name) ? loadLibrary(`libxenguest.so.${this.#release}`) : this.#library;
    const bound: Bound = library.func(prototypes[name]);
    this.#bound.set(name, bound);
    return bound;
  }
}

function createLogger(file: bigint): bigint | null {
  const library = loadLibrary("libxentoollog.so.1");
  const create: (file: bigint, level: number, flags: number) => bigint | null = library.func(
    "void *xtl_createlogger_stdiostream(void *file, int level, uint flags)",
  );
  return create(file, LOG_LEVEL, HIDE_PROGRESS);
}

function shownArgument(argument: Argument | string): string {
  if (argument === null) return "NULL";
  if (typeof argument === "object") return `[${argument.byteLength} bytes]`;
  return typeof argument === "string" ? JSON.stringify(argument) : String(argument);
}
