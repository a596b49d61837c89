import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { connectConsole, connectVmm, endVmmsOf, readConsoleLog, readExitRecord, vmmsOf } from "@pvh/kvm";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { buildGuests } from "../guests/build.ts";
import { patience } from "../support/patience.ts";
import { eventually, isRunning, processesIn } from "../support/processes.ts";
import { noKvm, root } from "../support/programs.ts";
import { requireOrSkip } from "../support/require-or-skip.ts";
import { VmmFolder } from "../support/vmms.ts";

/** A VMM process from launch to end, without daemon and command line. */

let kernels: Record<string, string>;
let folder: VmmFolder;

beforeAll(async () => {
  kernels = await buildGuests();
});
beforeEach(() => {
  folder = new VmmFolder();
});
afterEach(() => folder.close());

const kernel = (name: string) => kernels[name] ?? `no guest ${name}`;
const platforms = ["classic-NAME", "direct-NAME", "direct-NAME-bare"];
const variants = (name: string) => platforms.map((variant) => variant.replace("NAME", name));

describe.skipIf(requireOrSkip("the life of a VMM process", noKvm()))("a VMM process", () => {
  test("reports its stages, and what it runs", async () => {
    const { vmm, dir } = await folder.launch({ kernel: kernel("classic-spin") });
    const { stages, ...status } = await vmm.status();
    expect(stages.map(({ name }) => name)).toEqual([
      "inspect",
      "plan",
      "allocate",
      "place",
      "context",
      "devices",
      "unpause",
    ]);
    expect(stages.every(({ ms }) => ms >= 0)).toBe(true);
    expect(status).toMatchObject({
      uuid: vmm.uuid,
      pid: vmm.pid,
      state: "running",
      bootInterface: "classic",
      platform: "xen",
      memory: 16,
    });
    expect(readExitRecord(dir)).toBeUndefined();
  });

  test("tells what it ran even when the guest is over at once", async () => {
    const { vmm } = await folder.launch({ kernel: kernel("direct-poweroff-bare") });
    await vmm.exited;
    expect(vmm.launched).toMatchObject({ bootInterface: "direct", platform: "bare", state: "running" });
    expect(vmm.launched.stages).toHaveLength(7);
  });

  test("a VMM that gets another name shows it among the host's processes", async () => {
    const { vmm } = await folder.launch({ kernel: kernel("classic-spin") });
    await vmm.rename("another name");
    expect(readFileSync(`/proc/${vmm.pid}/cmdline`, "utf8")).toMatch(/^pvh-vmm another name/);
    await vmm.destroy();
  });

  test.for(variants("spin"))("%s, which never leaves guest mode, is destroyed", async (name) => {
    const { vmm, dir, console } = await folder.launch({ kernel: kernel(name) });
    await eventually(() => console().includes("spinning"), "the guest spins");
    await vmm.destroy();
    expect(isRunning(vmm.pid)).toBe(false);
    // Its own words: a VMM that has to be killed leaves others.
    expect(await vmm.exited).toMatchObject({
      reason: "killed",
      detail: "it was destroyed",
      lastConsoleLine: "spin: spinning",
    });
    expect(readExitRecord(dir)?.reason).toBe("killed");
    expect(readdirSync(dir).filter((file) => file.endsWith(".sock"))).toEqual([]);
  });

  test.for(["classic-halt", "direct-halt"])(
    "%s ends as on Xen: its last vCPU can never wake",
    async (name) => {
      const { record, output } = await folder.run({ kernel: kernel(name) });
      expect(output).toContain("halting");
      expect(record).toMatchObject({ reason: "poweroff", detail: expect.stringContaining("HLT") });
    },
  );

  test("direct-halt-bare sleeps without using a processor", async () => {
    const { vmm, console } = await folder.launch({ kernel: kernel("direct-halt-bare") });
    await eventually(() => console().includes("halting"), "the guest halts");
    const { exits } = (await vmm.status()).counters;
    await vmm.pause();
    await vmm.unpause();
    await new Promise((resolve) => setTimeout(resolve, 300));
    const later = (await vmm.status()).counters.exits;
    expect((later.hlt ?? 0) - (exits.hlt ?? 0)).toBe(0);
    expect((later.kick ?? 0) - (exits.kick ?? 0)).toBeLessThan(3);
    await vmm.destroy();
  });

  test.for(variants("exits"))("%s stands still while it is paused", async (name) => {
    const { vmm } = await folder.launch({ kernel: kernel(name), cmdline: "iterations=100000000" });
    const exits = async () => (await vmm.status()).counters.exits.io ?? 0;
    await eventually(async () => (await exits()) > 1000, "the guest runs");
    for (let round = 0; round < 5; round++) {
      await vmm.pause();
      await vmm.pause();
      expect((await vmm.status()).state).toBe("paused");
      const before = await exits();
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(await exits()).toBe(before);
      await vmm.unpause();
      await vmm.unpause();
      expect((await vmm.status()).state).toBe("running");
      await eventually(async () => (await exits()) > before, "the guest goes on");
    }
  });

  test("that starts paused runs nothing before it is unpaused", async () => {
    const { vmm, console } = await folder.launch({ kernel: kernel("direct-poweroff"), startPaused: true });
    expect((await vmm.status()).state).toBe("paused");
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect([(await vmm.status()).counters.exits.io, console()]).toEqual([0, ""]);
    const states: string[] = [];
    vmm.onEvent((event) => states.push(event.event === "state" ? event.state : event.event));
    await vmm.unpause();
    expect((await vmm.exited).reason).toBe("poweroff");
    expect(states.slice(-3)).toEqual(["running", "shutting-down", "exit"]);
  });

  test("that is paused can be destroyed", async () => {
    const { vmm } = await folder.launch({ kernel: kernel("classic-spin"), startPaused: true });
    await vmm.destroy();
    expect((await vmm.exited).reason).toBe("killed");
  });

  test.for(variants("triple-fault"))("%s leaves a report", async (name) => {
    const { record } = await folder.run({ kernel: kernel(name) });
    expect(record).toMatchObject({ reason: "triple-fault", lastConsoleLine: "triple-fault: now" });
    expect(record.report?.rip).toMatch(/^0x[0-9a-f]+$/);
    // Protected mode; or, where KVM has reset the processor before anybody could look, CR0 after a reset.
    const reset = record.detail?.includes("reset the processor") === true;
    expect(record.report?.registers.cr0).toMatch(reset ? /^0x(6000001|1)0$/ : /1$/);
    expect(record.report?.lastExits.at(-1)).toContain("KVM_EXIT_SHUTDOWN");
    expect(record.report?.lastExits.join()).toContain("out 0xe9");
  });

  test.for(variants("bad-instruction"))("%s leaves a report", async (name) => {
    const { record } = await folder.run({ kernel: kernel(name) });
    expect(record.reason).toBe("emulation-failure");
    expect(record.report?.lastExits.at(-1)).toContain("KVM_EXIT_INTERNAL_ERROR");
  });

  test("cannot ask a guest that does not listen, and says so", async () => {
    for (const name of ["classic-spin", "direct-spin-bare"]) {
      const { vmm } = await folder.launch({ kernel: kernel(name) });
      await expect(vmm.shutdown()).rejects.toMatchObject({ code: "DOMAIN_STATE" });
      expect((await vmm.status()).state).toBe("running");
    }
  });

  test("that gets SIGTERM ends its domain", async () => {
    const { vmm, dir } = await folder.launch({ kernel: kernel("direct-spin-bare") });
    process.kill(vmm.pid, "SIGTERM");
    expect(await vmm.exited).toMatchObject({ reason: "killed", detail: expect.stringContaining("SIGTERM") });
    expect(readExitRecord(dir)?.reason).toBe("killed");
  });

  test("that is killed is known to have died", async () => {
    const { vmm, dir } = await folder.launch({ kernel: kernel("classic-spin") });
    process.kill(vmm.pid, "SIGKILL");
    expect((await vmm.exited).reason).toBe("vmm-died");
    await expect(vmm.status()).rejects.toMatchObject({ code: "VMM_DIED" });
    expect(await connectVmm(dir, vmm.uuid)).toBeUndefined();
    // Its directory can be used again.
    expect((await folder.run({ kernel: kernel("classic-poweroff"), dir })).record.reason).toBe("poweroff");
  });

  test("that stops answering is killed by destroy", async () => {
    const { vmm } = await folder.launch({ kernel: kernel("classic-spin") });
    process.kill(vmm.pid, "SIGSTOP");
    await vmm.destroy();
    expect((await vmm.exited).reason).toBe("killed");
    expect(isRunning(vmm.pid)).toBe(false);
  });

  test("is found again by its directory and uuid, whatever the length of the path", async () => {
    const dir = join(folder.path, "d".repeat(100), "e".repeat(100));
    const { vmm } = await folder.launch({ kernel: kernel("classic-spin"), dir });
    expect(await connectVmm(dir, "00000000-0000-4000-8000-000000000000")).toBeUndefined();
    vmm.disconnect();
    const again = await connectVmm(dir, vmm.uuid);
    expect(again?.pid).toBe(vmm.pid);
    expect((await again?.status())?.stages).toHaveLength(7);
    await expect(folder.launch({ kernel: kernel("classic-spin"), dir })).rejects.toMatchObject({
      code: "DOMAIN_UUID_TAKEN",
    });
    await again?.destroy();
    expect((await again?.exited)?.reason).toBe("killed");
  });

  test("drops a client that talks nonsense, and goes on", async () => {
    const { vmm, dir } = await folder.launch({ kernel: kernel("classic-spin") });
    for (const nonsense of ["not json\n", "x".repeat(2_000_000)]) {
      const socket = connect(join(dir, "control.sock"));
      const closed = new Promise((resolve) => socket.once("close", resolve));
      socket.on("error", () => {});
      socket.resume();
      socket.write(nonsense);
      await closed;
    }
    const socket = connect(join(dir, "control.sock"));
    let answer = "";
    socket.on("data", (chunk) => {
      answer += chunk;
    });
    socket.write('{"id":1,"method":"explode"}\n');
    await eventually(() => answer.includes("REQUEST_INVALID"), "an unknown method is refused");
    socket.destroy();
    expect((await vmm.status()).state).toBe("running");
  });

  test("outlives its launcher, unless it is attached to it", async () => {
    for (const how of ["attached", "detached"]) {
      const dir = join(folder.path, how);
      const launcher = spawn(
        process.execPath,
        [join(root, "e2e/support/vmm-launcher.ts"), dir, kernel("classic-spin"), how],
        { stdio: ["ignore", "pipe", "inherit"] },
      );
      const pid = await firstNumber(launcher);
      expect(isRunning(pid)).toBe(true);
      launcher.kill("SIGKILL");
      await once(launcher, "exit");
      if (how === "attached") {
        await eventually(() => !isRunning(pid), "the VMM ends");
        expect(existsSync(dir)).toBe(false);
      } else {
        await new Promise((resolve) => setTimeout(resolve, 300));
        expect(isRunning(pid)).toBe(true);
        process.kill(pid, "SIGTERM");
        await eventually(() => !isRunning(pid), "the VMM ends");
      }
    }
  });

  test("gives up when its launcher dies while the domain is being created", async () => {
    const dir = join(folder.path, "early");
    mkdirSync(dir);
    const launcher = spawn(
      process.execPath,
      [join(root, "e2e/support/vmm-launcher.ts"), dir, kernel("classic-spin"), "attached"],
      { stdio: "ignore" },
    );
    await eventually(() => existsSync(join(dir, "domain.json")), "the launcher has begun");
    launcher.kill("SIGKILL");
    await once(launcher, "exit");
    await eventually(() => processesIn(dir).length === 0, "the VMM ends");
  });

  test.for(["classic-echo", "direct-echo-bare"])(
    "%s: a console client sees what was before, and types",
    async (name) => {
      const { vmm, dir, console } = await folder.launch({ kernel: kernel(name) });
      await eventually(() => console().includes("echo: ready"), "the guest waits for input");
      const first = await connectConsole(dir);
      const second = await connectConsole(dir);
      const closed = once(second, "close");
      let seen = "";
      second.on("data", (chunk) => {
        seen += chunk.toString();
      });
      first.resume();
      first.write("from the first\n");
      await eventually(() => seen.includes("echo: from the first"), "the second client sees it");
      expect(seen).toContain("echo: ready");
      const long = Array.from({ length: 400 }, (_, i) => `line ${i}\n`).join("");
      second.write(long);
      second.write("quit\n");
      expect((await vmm.exited).reason).toBe("poweroff");
      await closed;
      expect(seen).toContain("echo: line 399");
      expect(seen).toContain("echo: bye");
      await expect(connectConsole(dir)).rejects.toMatchObject({ code: "DOMAIN_STATE" });
    },
  );

  test("is not held up by a console client that does not read", async () => {
    const cmdline = `iterations=300000 port=${0xe9}`;
    const { vmm, dir } = await folder.launch({ kernel: kernel("classic-exits"), cmdline, startPaused: true });
    const lazy = await connectConsole(dir);
    lazy.pause();
    await vmm.unpause();
    expect((await vmm.exited).reason).toBe("poweroff");
    expect(readConsoleLog(dir).length).toBeGreaterThan(300_000);
    lazy.destroy();
  });

  test("that is stopped does not keep its callers waiting, and is ended all the same", {
    timeout: 120_000 * patience,
  }, async () => {
    const { vmm, dir } = await folder.launch({ kernel: kernel("direct-spin") });
    process.kill(vmm.pid, "SIGSTOP");
    await expect(vmm.pause()).rejects.toMatchObject({ code: "VMM_UNRESPONSIVE" });
    expect(await connectVmm(dir, vmm.uuid, 200)).toBeUndefined();
    expect(vmmsOf(dir, vmm.uuid).map(({ pid }) => pid)).toEqual([vmm.pid]);
    await endVmmsOf(dir, vmm.uuid);
    expect(isRunning(vmm.pid)).toBe(false);
    expect(await vmm.exited).toMatchObject({ reason: "vmm-died" });
  });

  test("whose directory was removed is found by it", async () => {
    const { vmm, dir } = await folder.launch({ kernel: kernel("direct-spin") });
    rmSync(dir, { recursive: true });
    expect(await connectVmm(dir, vmm.uuid)).toBeUndefined();
    await endVmmsOf(dir, vmm.uuid);
    expect(isRunning(vmm.pid)).toBe(false);
  });
});

async function firstNumber(child: ChildProcess): Promise<number> {
  if (child.stdout === null) throw new Error("no output");
  const [text] = await once(child.stdout, "data");
  return Number(String(text).trim());
}
