import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Domain, DomainRequest } from "@pvh/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildGuests } from "../../guests/build.ts";
import { diskImage, floodOf, SECTORS, wrongWords } from "../../support/device-guests.ts";
import { entryGuestSettings, failedChecks, passedChecks } from "../../support/guest-runs.ts";
import { requireOrSkip } from "../../support/require-or-skip.ts";
import { startUdpPeer } from "../../support/udp-peer.ts";
import { waitFor } from "../../support/wait-for.ts";
import { type GuestEnd, noXen, XenGuests } from "../../support/xen-host.ts";

/**
 * The test guests on real Xen. What each shows: the first comment of its source; what Xen does otherwise than our own
 * hypervisor: beside the check, where the guest asks real_xen().
 *
 * Not among them: fuzz, whose random requests end Xen 4.17's xenstored (property/store.c says how); guests of more vCPUs
 * than two, which stall on an emulated host with one processor; what breaks the protocols of devices, since Linux's back
 * ends say nothing then, and are not ours to test; exits and bench, which measure.
 */

/** The one word by which a guest knows that it is on Xen itself: the release of the emulated host. */
const REAL_XEN = "xen=4.17";

interface Run {
  guest: string;
  /** Fewer checks mean that the guest skipped promises. */
  checks: number;
  vcpus?: number;
  /** MiB; default 16. */
  maxmem?: number;
  words?: string;
}

const both = (name: string, checks: number, settings: Omit<Run, "guest" | "checks"> = {}): Run[] =>
  ["classic", "direct"].map((flavour) => ({ guest: `${flavour}-${name}`, checks, ...settings }));

const runs: Run[] = [
  ...both("clock", 48),
  ...both("events", 58),
  ...both("event-ports", 161),
  ...both("event-fifo", 55),
  ...both("timers", 58),
  ...both("sched", 49),
  ...both("memory", 69),
  ...both("memory", 72, { maxmem: 48 }),
  ...both("physmap", 61),
  ...both("grants", 117),
  ...both("store", 184),
  ...both("mmio", 4),
  { guest: "classic-hostile", checks: 73 },
  { guest: "direct-hostile", checks: 43 },
  { guest: "classic-hypercalls", checks: 77 },
  { guest: "classic-hypercalls", vcpus: 2, checks: 77 },
  { guest: "direct-hypercalls", checks: 73 },
  { guest: "classic-vcpus", vcpus: 2, checks: 78 },
  { guest: "direct-vcpus", vcpus: 2, checks: 102 },
  { guest: "direct-vcpu-64", vcpus: 2, checks: 25 },
  { guest: "classic-linux-boot-318", checks: 90 },
  { guest: "classic-linux-boot-318", vcpus: 2, checks: 120 },
  { guest: "classic-linux-boot-4x", checks: 90 },
  { guest: "classic-linux-boot-4x", vcpus: 2, checks: 120 },
  { guest: "classic-linux-boot-4x", vcpus: 2, words: "fifo_events=0", checks: 120 },
  { guest: "direct-upcall-vector", checks: 13 },
  { guest: "direct-apic", checks: 84 },
  { guest: "direct-x2apic", checks: 36 },
  { guest: "direct-apic-timer", checks: 13 },
  { guest: "direct-apic-smp", vcpus: 2, checks: 32 },
  { guest: "direct-ring3", checks: 6 },
];

function nameOf({ guest, vcpus = 1, maxmem = 16, words }: Run): string {
  const room = maxmem === 16 ? [] : [`16 of ${maxmem} MiB`];
  return [guest, ...(vcpus === 1 ? [] : [`${vcpus} vCPUs`]), ...room, ...(words ? [words] : [])].join(", ");
}

/** In what way each small guest ends, where it prints on the PV console. */
const ends = [
  ["classic-poweroff-pv", "poweroff"],
  ["direct-poweroff-pv", "poweroff"],
  ["classic-reboot-pv", "reboot"],
  ["direct-reboot-pv", "reboot"],
  ["classic-crash-pv", "crash"],
  ["direct-crash-pv", "crash"],
  ["classic-triple-fault-pv", "crash"],
  // Xen's word for it, since a PC's kernel may reboot that way; only for classic guests does our backend say otherwise.
  ["direct-triple-fault-pv", "reboot"],
] as const;

let kernels: Record<string, string>;
let xen: XenGuests;

function request(guest: string, settings: Partial<DomainRequest> = {}): DomainRequest {
  return {
    name: "test",
    type: "pvh",
    memory: 16,
    cmdline: REAL_XEN,
    ...settings,
    kernel: kernels[guest] ?? "",
  };
}

function expectPassed({ output, reason }: GuestEnd, checks: number): void {
  const end = output.slice(-3000);
  expect(failedChecks(output), end).toEqual([]);
  expect(passedChecks(output), end).toBeGreaterThanOrEqual(checks);
  expect(reason).toBe("poweroff");
}

describe.skipIf(requireOrSkip("test guests on Xen", noXen()))("on Xen", () => {
  beforeAll(async () => {
    kernels = await buildGuests();
    xen = await XenGuests.start();
  });
  afterAll(() => xen?.[Symbol.asyncDispose]());

  test.for(["classic-entry", "direct-entry"])("%s", async (guest) => {
    const { kernel, memory, ramdisk, cmdline } = entryGuestSettings(kernels[guest] ?? "", {
      words: REAL_XEN,
    });
    expectPassed(await xen.run({ ...request(guest), kernel, memory, ramdisk, cmdline }), 104);
  });

  for (const run of runs) {
    const { guest, checks, vcpus = 1, maxmem = 16, words = "" } = run;
    // With two vCPUs on an emulated machine even stock guests fail now and then; the report says "retry x1".
    test(nameOf(run), { retry: vcpus > 1 ? 1 : 0 }, async () => {
      const cmdline = `name=test memory_mib=16 maxmem_mib=${maxmem} vcpus=${vcpus} ${words} ${REAL_XEN}`;
      expectPassed(await xen.run(request(guest, { cmdline, vcpus, maxmem })), checks);
    });
  }

  test.for(ends)("%s ends by %s, and its console says it", async ([guest, reason]) => {
    const domain = await xen.create(request(guest));
    expect((await xen.end(domain)).reason).toBe(reason);
    expect(await xen.console(domain)).toBe(`${guest.replace(/^[a-z]+-(.*)-pv$/, "$1")}: now\n`);
  });

  test.for([
    ["classic-halt", "", "poweroff"],
    ["direct-halt", "", "poweroff"],
    ["classic-watchdog", "how=halt", "watchdog"],
    ["direct-watchdog", "how=spin", "watchdog"],
    // Nothing to fetch, no IDT for the fault: as a triple fault.
    ["classic-bad-instruction", "", "crash"],
    ["direct-bad-instruction", "", "reboot"],
  ] as const)("%s %s ends by %s", async ([guest, words, reason]) => {
    expect((await xen.run(request(guest, { cmdline: `${REAL_XEN} ${words}` }))).reason).toBe(reason);
  });

  test.for(["classic-pv-echo", "direct-pv-echo"])("%s answers on the console", async (guest) => {
    const domain = await xen.create(request(guest));
    const console = await xen.client.openConsole(domain.uuid);
    let seen = "";
    console.onData((bytes) => {
      seen += new TextDecoder().decode(bytes);
    });
    await waitFor(() => expect(seen).toContain("echo: ready\n"));
    const type = (text: string) => console.send(new TextEncoder().encode(text));
    type(`hello\nsecond line with blanks\n${"long ".repeat(600)}\n`);
    await waitFor(() => expect(seen).toContain(`echo: ${"long ".repeat(600)}\n`));
    expect(seen).toContain("echo: hello\necho: second line with blanks\necho: long long ");
    type("quit\n");
    expect((await xen.end(domain)).reason).toBe("poweroff");
    expect(await xen.console(domain)).toContain("echo: bye\n");
  });

  test.for([
    ["classic-console-flood", 16],
    ["direct-console-flood", 2048],
  ] as const)("%s loses nothing, %i bytes at a time", async ([guest, chunk]) => {
    const domain = await xen.create(request(guest, { cmdline: `kib=64 chunk=${chunk} ${REAL_XEN}` }));
    expect((await xen.end(domain)).reason).toBe("poweroff");
    const { numbers, told, came } = floodOf(await xen.console(domain));
    expect(told).toEqual({ bytes: 64 * 1024, crc32: came.crc32 });
    expect(numbers).toEqual(numbers.map((_, i) => i));
  });

  /** Which has watched its nodes, so that nothing that is asked is missed. */
  async function watching(guest: string): Promise<Domain> {
    const domain = await xen.create(request(guest));
    await waitFor(async () => expect(await xen.output(domain)).toContain("watch: ready\n"));
    return domain;
  }

  test.for([
    ["classic-shutdown-watch", "shutdown", "poweroff"],
    ["direct-shutdown-watch", "reboot", "reboot"],
  ] as const)("%s is asked for %s through the store", async ([guest, action, reason]) => {
    const domain = await watching(guest);
    await xen.client.act(domain.uuid, action);
    const end = await xen.end(domain);
    expect(end.output).toContain(`watch: shutdown=${reason}\n`);
    expect(end.reason).toBe(reason);
  });

  test("direct-shutdown-watch gives memory back, and crashes by SysRq", async () => {
    const domain = await watching("direct-shutdown-watch");
    await xen.client.changeDomain(domain.uuid, { memory: 12 });
    await waitFor(async () =>
      expect(await xen.output(domain)).toMatch(/^watch: target=12288 ballooned=1024 reservation=\d+$/m),
    );
    await xen.client.sendSysrq(domain.uuid, "c");
    const end = await xen.end(domain);
    expect(end.output).toContain("watch: sysrq=c\n");
    expect(end.reason).toBe("crash");
  });

  test.for(["classic-block", "direct-block"])("%s uses a disk, and one that is read-only", async (guest) => {
    const image = diskImage();
    const [written, readonly] = [join(xen.folder, "written.img"), join(xen.folder, "readonly.img")];
    for (const file of [written, readonly]) writeFileSync(file, image);
    const disk = [`${written},raw,xvda,w`, `${readonly},raw,xvdb,r`];
    expectPassed(
      await xen.run(request(guest, { disk, cmdline: `disks=2 sectors=${SECTORS} ${REAL_XEN}` })),
      100,
    );
    expect(wrongWords(readFileSync(written))).toBe(0);
    expect(readFileSync(readonly).equals(image)).toBe(true);
  });

  test.for(["classic-net", "direct-net"])("%s talks to the host over the bridge", async (guest) => {
    const peer = await startUdpPeer("10.77.0.1", "10.77.0.2");
    try {
      const end = await xen.run(request(guest, { vif: [""], cmdline: `${peer.words} ${REAL_XEN}` }));
      expectPassed(end, 44);
      expect(end.output).toMatch(/^net: packets=1000 nanoseconds=\d+$/m);
    } finally {
      peer.close();
    }
  });
});
