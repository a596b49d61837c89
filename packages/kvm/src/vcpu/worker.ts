import { type MessagePort, parentPort } from "node:worker_threads";
import { toProblem } from "@pvh/errors";
import { enableAvx, loadBootState } from "../boot-state.ts";
import { OutputRing } from "../console/output-ring.ts";
import { PortBus } from "../devices/port-bus.ts";
import { GuestMemory } from "../guest-memory.ts";
import { kvmCallWith } from "../host/kvm.ts";
import { gettid, viewOf } from "../host/libc.ts";
import { bareMsrs, setLocalInterrupts } from "../platform-bare/boot.ts";
import { bareVcpu } from "../platform-bare/vcpu.ts";
import type { XenDomain } from "../platform-xen/domain.ts";
import { type OpenXen, openXen, type XenBuffers } from "../platform-xen/shared.ts";
import { XenVcpu } from "../platform-xen/vcpu.ts";
import { Doorbell } from "../shared/doorbell.ts";
import { VCPU_STATE, VcpuControl } from "../shared/vcpu-control.ts";
import { VcpuKicker } from "../shared/vcpu-kicker.ts";
import { attachDevices } from "./devices.ts";
import { RunPage } from "./run-page.ts";
import type { VcpuMessage, VcpuSetup } from "./setup.ts";
import { VcpuThread } from "./thread.ts";

/**
 * The thread of one vCPU. It waits for its setup, loads the boot state, reports and then stays in the run loop, which
 * never returns to the event loop.
 */
function serve(port: MessagePort): void {
  const tell = (message: VcpuMessage) => port.postMessage(message);
  port.once("message", (setup: VcpuSetup) => {
    const control = new VcpuControl(
      setup.shared.control[setup.index] ?? new SharedArrayBuffer(VcpuControl.size),
    );
    try {
      const tid = gettid();
      const { vcpu, platform } = assemble(setup, control, tid);
      const refusedMsrs = loadVcpu(setup);
      control.enter(VCPU_STATE.starting, tid);
      tell({ kind: "ready", refusedMsrs });
      const end = vcpu.loop(platform);
      tell({ kind: "ended", ...(end === undefined ? {} : { end }) });
    } catch (error) {
      tell({ kind: "failed", problem: toProblem(error) });
    } finally {
      // No more kicks: the thread id may soon be another thread's.
      control.enter(VCPU_STATE.ended, 0);
      port.close();
    }
  });
}

function assemble(setup: VcpuSetup, control: VcpuControl, tid: number) {
  const ports = new PortBus();
  const { shared, index, vcpuFd: fd } = setup;
  const controls = shared.control.map((buffer, i) => (i === index ? control : new VcpuControl(buffer)));
  const runs = setup.runs.map((run) => viewOf(run));
  const xen = setup.platform.kind === "xen" ? openPlatform(setup, setup.platform, controls, runs) : undefined;
  const vcpu = new VcpuThread({
    index,
    fd,
    tid,
    run: new RunPage(runs[index] ?? new ArrayBuffer(0)),
    memory: xen?.memory ?? GuestMemory.of(setup.ram),
    control,
    controls,
    ports,
    output: new OutputRing(shared.console, new Doorbell(shared.doorbell)),
  });
  attachDevices(ports, vcpu, setup);
  const state = xen?.vcpus[index];
  const platform = xen && state ? new XenVcpu(vcpu, fd, tid, ports, xen, state) : bareVcpu;
  return { vcpu, platform };
}

function openPlatform(
  { shared, vmFd, ram }: VcpuSetup,
  { domain, buffers }: { domain: XenDomain; buffers: XenBuffers },
  controls: readonly VcpuControl[],
  runs: readonly ArrayBuffer[],
): OpenXen {
  const kicker = new VcpuKicker(
    controls,
    runs.map((run) => new Uint8Array(run)),
  );
  const doorbell = new Doorbell(shared.events);
  return openXen({
    domain,
    buffers,
    vmFd,
    ram,
    wake: (vcpu) => kicker.wake(vcpu),
    ringHost: () => doorbell.ring(),
  });
}

/** CPUID first: KVM judges control registers and MSRs by it. Returns the MSRs that were refused. */
function loadVcpu({ vcpuFd, cpuid, context, platform }: VcpuSetup): number[] {
  kvmCallWith(vcpuFd, "KVM_SET_CPUID2", cpuid);
  enableAvx(vcpuFd);
  const bare = platform.kind === "bare";
  if (bare) setLocalInterrupts(vcpuFd);
  return context === undefined ? [] : loadBootState(vcpuFd, context, bare ? bareMsrs : new Map());
}

if (parentPort === null) throw new Error("this is the entry of a worker thread");
serve(parentPort);
