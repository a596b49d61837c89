import { kvmSegment, PAGE_SIZE } from "@pvh/abi";
import type { BootInterface } from "@pvh/builder";
import { allocateRam } from "../guest-memory.ts";
import { VcpuControl } from "../shared/vcpu-control.ts";
import { DomainClock } from "./clock.ts";
import { xenDomain } from "./domain.ts";
import { GuestVirtual } from "./guest-virtual.ts";
import { allocateHeap } from "./heap.ts";
import { HYPERCALL_PORT } from "./hypercall-port.ts";
import { type HypercallHost, HypercallPort } from "./hypercalls.ts";
import { type FakeVcpu, fakeVcpu, paging } from "./run-page.testing.ts";
import { createXenBuffers, type OpenXen, openXen } from "./shared.ts";

/** A Xen domain without KVM: real state and memory, one vCPU of which only the registers exist, a host that records. */
export interface FakeXen {
  xen: OpenXen;
  vcpu: FakeVcpu;
  host: HypercallHost;
  port: HypercallPort;
  /** vCPUs that were woken, in order. */
  woken: number[];
  ends: [reason: string, detail: string | undefined][];
  /** What was written by console_io since the last time. */
  takeOutput(): string;
  /** How often a back end's doorbell was rung. */
  rings(): number;
  /** Code of so many bits at this privilege level makes the next calls. */
  code(bits: 32 | 64, dpl?: number): void;
  /** A hypercall; the result as a signed number. */
  call(nr: number, ...values: (number | bigint)[]): bigint;
}

export const RAM_PAGES = 16;
export const UUID = "00112233-4455-6677-8899-aabbccddeeff";
/** Where tests have their structures: identity mapped, as all memory is. */
export const DATA = 0x8000;

export interface FakeXenOptions {
  bootInterface?: BootInterface;
  vcpus?: number;
  /** Pages that are there at first. */
  pages?: number;
  maxGrantFrames?: number;
  maxPort?: number;
  maxMappings?: number;
}

export function fakeXen(options: FakeXenOptions = {}): FakeXen {
  const {
    bootInterface = "direct",
    vcpus = 2,
    pages = RAM_PAGES,
    maxGrantFrames = 4,
    maxPort = 1023,
    maxMappings = 1024,
  } = options;
  const size = RAM_PAGES * PAGE_SIZE;
  const ram = allocateRam([{ gpa: 0, size }]);
  const domain = xenDomain({
    domid: 5,
    bootInterface,
    uuid: UUID,
    memoryMap: [
      { gpa: 0, size, type: "ram" },
      { gpa: 0xfeff8000, size: 0x8000, type: "reserved" },
    ],
    maxPort,
    maxMappings,
    tscKhz: 2_000_000,
  });
  const woken: number[] = [];
  let rings = 0;
  const buffers = createXenBuffers(domain, allocateHeap(maxGrantFrames), ram, vcpus);
  const xen = openXen({
    domain,
    buffers,
    vmFd: -1,
    ram,
    wake: (vcpu) => woken.push(vcpu),
    ringHost: () => rings++,
  });
  xen.state.totalPages = xen.physmap.initialise(pages);
  xen.state.maxPages = RAM_PAGES;
  xen.state.grantFrames = 1;
  DomainClock.start(xen.state, { monotonic: 0, real: 1.8e18, tsc: 0n, tscKhz: 2_000_000, kept: false });
  xen.vcpus.forEach((state, index) => {
    state.initialised = index === 0;
    state.online = index === 0;
  });

  const registers = fakeVcpu([]);
  const vcpu: FakeVcpu = { ...registers, memory: xen.memory };
  identityMap(xen);
  const ends: FakeXen["ends"] = [];
  let output = "";
  const host: HypercallHost = {
    index: 0,
    interruptible: true,
    hasEvents: () => false,
    control: new VcpuControl(new SharedArrayBuffer(VcpuControl.size)),
    count: () => {},
    end: (reason, detail) => ends.push([reason, detail]),
    consoleOutput: (bytes, length) => {
      output += new TextDecoder().decode(bytes.slice(0, length));
    },
    serviceRequests: () => true,
    block: () => {},
    yieldCpu: () => {},
    timersChanged: () => {},
    publishTime: () => {},
    flushTlbs: () => {},
  };
  const port = new HypercallPort(vcpu.run, new GuestVirtual(xen.memory, vcpu.run), xen, host);
  const code = (bits: 32 | 64, dpl = 0) => {
    const cs = kvmSegment.decode(kvmSegment.encode({ l: bits === 64 ? 1 : 0, present: 1, s: 1, type: 11 }));
    vcpu.sregs({ ...paging.long, cr3: 0x1000n, cs, ss: { dpl } });
  };
  code(64);
  return {
    xen,
    vcpu,
    host,
    port,
    woken,
    ends,
    takeOutput() {
      const taken = output;
      output = "";
      return taken;
    },
    rings: () => rings,
    code,
    call(nr, ...values) {
      const [rdi = 0, rsi = 0, rdx = 0, r10 = 0, r8 = 0] = values;
      vcpu.regs({ rax: nr, rdi, rsi, rdx, r10, r8 });
      port.write(HYPERCALL_PORT, 4, nr);
      return BigInt.asIntN(64, vcpu.rax());
    },
  };
}

/** Three levels of page tables of which each maps to itself at index 0, and one large page: virtual = physical. */
function identityMap(xen: OpenXen): void {
  const tables = xen.memory.bytes(0x1000, 0x3000);
  const view = new DataView(tables.buffer, tables.byteOffset);
  view.setBigUint64(0x0000, 0x2003n, true);
  view.setBigUint64(0x1000, 0x3003n, true);
  view.setBigUint64(0x2000, 0x0083n, true);
}
