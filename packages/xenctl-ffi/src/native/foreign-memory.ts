import { PAGE_SIZE } from "@pvh/abi";
import { callError } from "./call-error.ts";
import { copyFrom, copyTo, errno, errnoName, fill } from "./libc.ts";
import { type Library, loadLibrary, pointer } from "./library.ts";

const PROT_READ = 1;
const PROT_READ_WRITE = 3;
/** Pages of one mapping: enough to make its cost vanish, little enough to keep page tables small. */
const BATCH = 4096;
/** XENMEM_resource_grant_table, and its frames of grants (not of status). */
const GRANT_TABLE = 1;
const GRANT_TABLE_SHARED = 0;

/** Memory of other domains, a mapping at a time; what is mapped is unmapped again before a call returns. */
export class ForeignMemory {
  readonly #handle: bigint;
  readonly #library: Library;
  readonly #map: (
    handle: bigint,
    domid: number,
    protection: number,
    pages: number,
    gfns: BigUint64Array,
    errors: Int32Array,
  ) => bigint | null;
  readonly #unmap: (handle: bigint, address: bigint, pages: number) => number;

  /** @throws PvhError HOST_XEN_LIBRARY or XEN_CALL */
  constructor() {
    this.#library = loadLibrary("libxenforeignmemory.so.1");
    const open: (logger: null, flags: number) => bigint | null = this.#library.func(
      "void *xenforeignmemory_open(void *logger, uint flags)",
    );
    this.#map = this.#library.func(
      "void *xenforeignmemory_map(void *handle, uint32_t domid, int protection, size_t pages, void *gfns, void *errors)",
    );
    this.#unmap = this.#library.func("int xenforeignmemory_unmap(void *handle, void *address, size_t pages)");
    const handle = pointer(open(null, 0));
    if (handle === undefined) throw callError("xenforeignmemory_open()", errno());
    this.#handle = handle;
  }

  close(): void {
    const close: (handle: bigint) => number = this.#library.func("int xenforeignmemory_close(void *handle)");
    close(this.#handle);
  }

  write(domid: number, gpa: number, bytes: Uint8Array): void {
    this.#each(domid, PROT_READ_WRITE, gpa, bytes.length, (address, offset, size) => {
      copyTo(address, bytes.subarray(offset, offset + size), size);
    });
  }

  clear(domid: number, gpa: number, size: number): void {
    this.#each(domid, PROT_READ_WRITE, gpa, size, (address, _offset, part) => {
      fill(address, 0, part);
    });
  }

  read(domid: number, gpa: number, size: number): Uint8Array {
    const bytes = new Uint8Array(size);
    this.#each(domid, PROT_READ, gpa, size, (address, offset, part) => {
      copyFrom(bytes.subarray(offset, offset + part), address, part);
    });
    return bytes;
  }

  /** Writes the first bytes of a domain's grant table, which need not be mapped in the domain. */
  writeGrantTable(domid: number, bytes: Uint8Array): void {
    const map: (
      handle: bigint,
      domid: number,
      type: number,
      id: number,
      frame: number,
      frames: number,
      address: BigUint64Array,
      protection: number,
      flags: number,
    ) => bigint | null = this.#library.func(
      "void *xenforeignmemory_map_resource(void *handle, uint16_t domid, uint type, uint id, ulong frame, ulong frames, void *address, int protection, int flags)",
    );
    const unmap: (handle: bigint, resource: bigint) => number = this.#library.func(
      "int xenforeignmemory_unmap_resource(void *handle, void *resource)",
    );
    const address = new BigUint64Array(1);
    const resource = pointer(
      map(this.#handle, domid, GRANT_TABLE, GRANT_TABLE_SHARED, 0, 1, address, PROT_READ_WRITE, 0),
    );
    if (resource === undefined) {
      throw callError(`xenforeignmemory_map_resource(${domid}, grant_table)`, errno());
    }
    copyTo(address[0] ?? 0n, bytes, bytes.length);
    unmap(this.#handle, resource);
  }

  /** Calls `visit` for each mapped piece: its address here, where it is in the range, its bytes. */
  #each(
    domid: number,
    protection: number,
    gpa: number,
    size: number,
    visit: (address: bigint, offset: number, size: number) => void,
  ): void {
    for (let offset = 0; offset < size; ) {
      const first = Math.floor((gpa + offset) / PAGE_SIZE);
      const inPage = (gpa + offset) % PAGE_SIZE;
      const part = Math.min(size - offset, BATCH * PAGE_SIZE - inPage);
      const pages = Math.ceil((inPage + part) / PAGE_SIZE);
      const address = this.#mapped(domid, protection, first, pages);
      visit(address + BigInt(inPage), offset, part);
      this.#unmap(this.#handle, address, pages);
      offset += part;
    }
  }

  #mapped(domid: number, protection: number, first: number, pages: number): bigint {
    const gfns = BigUint64Array.from({ length: pages }, (_, i) => BigInt(first + i));
    const errors = new Int32Array(pages);
    const call = `xenforeignmemory_map(${domid}, gfn 0x${first.toString(16)}, ${pages} pages)`;
    const address = pointer(this.#map(this.#handle, domid, protection, pages, gfns, errors));
    if (address === undefined) throw callError(call, errno());
    const failed = errors.findIndex((error) => error !== 0);
    if (failed < 0) return address;
    this.#unmap(this.#handle, address, pages);
    const number = Math.abs(errors[failed] ?? 0);
    throw callError(call, number, `gfn 0x${(first + failed).toString(16)}: ${errnoName(number)}`);
  }
}
