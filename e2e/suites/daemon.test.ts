import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { DomainRequest, DomainState } from "@pvh/client";
import { beforeAll, describe, expect, test } from "vitest";
import { buildGuests } from "../guests/build.ts";
import { type DaemonRun, request, withDaemon } from "../support/daemon-runs.ts";
import { patience } from "../support/patience.ts";
import { eventually, isRunning, processesIn } from "../support/processes.ts";
import { noKvm } from "../support/programs.ts";
import { requireOrSkip } from "../support/require-or-skip.ts";
import { waitFor } from "../support/wait-for.ts";

/** pvhd as a process, with domains on this machine's KVM. */

let kernels: Record<string, string>;

beforeAll(async () => {
  kernels = await buildGuests();
});

async function becomes({ client }: DaemonRun, id: string, state: DomainState): Promise<void> {
  await waitFor(async () => expect((await client.getDomain(id)).state).toBe(state));
}

describe.skipIf(requireOrSkip("domains of pvhd", noKvm()))("a domain of pvhd", () => {
  test("is created, listed, shown and deleted", async () => {
    await withDaemon(async ({ client, domainDirs, folder }) => {
      const { domain, created } = await client.createDomain(request(kernels["classic-spin"]));
      expect(created).toBe(true);
      expect(domain).toMatchObject({ state: "running", boot_interface: "classic", platform: "xen" });
      expect(domain.stages.map(({ name }) => name)).toEqual([
        ...["inspect", "plan", "allocate", "place", "context", "devices", "unpause"],
      ]);
      expect(await client.listDomains()).toMatchObject([{ uuid: domain.uuid, name: "g", state: "running" }]);
      expect(processesIn(folder)).toEqual([domain.pid]);
      expect((await client.act("g", "pause")).state).toBe("paused");
      expect((await client.act("g", "unpause")).state).toBe("running");
      await client.deleteDomain("g");
      expect(await client.listDomains()).toEqual([]);
      expect(processesIn(folder)).toEqual([]);
      expect(domainDirs()).toEqual([]);
    });
  });

  test.each(["SIGKILL", "SIGTERM"] as const)("outlives its pvhd, ended by %s", async (signal) => {
    await withDaemon(async (run) => {
      const { domain } = await run.client.createDomain(request(kernels["classic-spin"]));
      await run.restart(signal);
      expect(await run.client.getDomain("g")).toEqual(domain);
      expect(isRunning(domain.pid)).toBe(true);
      await expect(run.client.createDomain(request(kernels["classic-spin"]))).rejects.toMatchObject({
        code: "DOMAIN_NAME_TAKEN",
      });
      expect((await run.client.act("g", "pause")).state).toBe("paused");
    });
  });

  test("that is being created when pvhd is told to end is created and answered first", async () => {
    await withDaemon(async (run) => {
      const created = run.client.createDomain(request(kernels["classic-spin"]));
      await waitFor(() => expect(run.domainDirs()).toHaveLength(1));
      await run.restart("SIGTERM");
      const { domain } = await created;
      expect(await run.client.getDomain("g")).toEqual(domain);
    });
  });

  test("that ended while pvhd was away is listed with its exit", async () => {
    await withDaemon(async (run) => {
      const { domain } = await run.client.createDomain(request(kernels["classic-echo"]));
      const console = await run.client.openConsole("g");
      run.daemon.stop("SIGKILL");
      expect((await console.closed).clean).toBe(false);
      process.kill(domain.pid ?? 0, "SIGTERM");
      await waitFor(() => expect(isRunning(domain.pid)).toBe(false));
      await run.restart("SIGKILL");
      expect(await run.client.getDomain("g")).toMatchObject({
        state: "destroyed",
        exit: { reason: "killed" },
      });
    });
  });

  test("whose VMM is killed has crashed by vmm-died", async () => {
    await withDaemon(async (run) => {
      const { domain } = await run.client.createDomain(request(kernels["classic-spin"]));
      process.kill(domain.pid ?? 0, "SIGKILL");
      await becomes(run, "g", "crashed");
      expect((await run.client.listDomains())[0]?.exit?.reason).toBe("vmm-died");
    });
  });

  test("whose VMM was killed while pvhd was away is lost", async () => {
    await withDaemon(async (run) => {
      const { domain } = await run.client.createDomain(request(kernels["classic-spin"]));
      await run.daemon.stop("SIGKILL");
      process.kill(domain.pid ?? 0, "SIGKILL");
      await run.restart("SIGKILL");
      expect(await run.client.getDomain("g")).toMatchObject({ state: "lost", exit: { reason: "vmm-died" } });
    });
  });

  test("tells poweroff from crash, with the crash's registers and last line", async () => {
    await withDaemon(async (run) => {
      await run.client.createDomain(request(kernels["classic-poweroff"], { name: "off" }));
      await run.client.createDomain(request(kernels["classic-triple-fault"], { name: "bad" }));
      await becomes(run, "off", "shutdown");
      await becomes(run, "bad", "crashed");
      expect((await run.client.getDomain("bad")).exit).toMatchObject({
        reason: "triple-fault",
        last_console_line: expect.stringContaining("triple-fault"),
        report: { rip: expect.stringMatching(/^0x/), registers: expect.any(Object) },
      });
    });
  });

  test("that reboots starts again under its uuid and never leaves the list", async () => {
    await withDaemon(async (run) => {
      const { domain } = await run.client.createDomain(request(kernels["classic-reboot"]));
      const starts = new Set<string>();
      await waitFor(async () => {
        const [listed] = await run.client.listDomains();
        expect(listed?.uuid).toBe(domain.uuid);
        expect(["running", "rebooting"]).toContain(listed?.state);
        if (listed?.started_at !== undefined) starts.add(listed.started_at);
        expect(starts.size).toBeGreaterThanOrEqual(3);
      });
      expect((await run.client.act("g", "destroy")).state).toBe("destroyed");
    });
  });

  test("shows on its console what came earlier and what comes, and takes input", async () => {
    await withDaemon(async (run) => {
      await run.client.createDomain(request(kernels["classic-echo"]));
      const read = async (expected: string) => {
        const console = await run.client.openConsole("g");
        let seen = "";
        console.onData((bytes) => {
          seen += Buffer.from(bytes).toString();
        });
        const shows = (text: string) => waitFor(() => expect(seen).toContain(text));
        await shows(expected);
        return { console, shows };
      };
      const first = await read("echo: ready\n");
      first.console.send(Buffer.from("hello\n"));
      await first.shows("echo: hello\n");
      first.console.close();
      const late = await read("echo: ready\necho: hello\n");
      late.console.send(Buffer.from("quit\n"));
      await late.shows("echo: bye\n");
      expect(await late.console.closed).toEqual({ clean: true, reason: "the domain has ended" });
      await becomes(run, "g", "shutdown");
      const ended = await read("echo: bye\n");
      expect((await ended.console.closed).clean).toBe(true);
    });
  });

  test("of which the create failed leaves no row, no file and no process", async () => {
    await withDaemon(async ({ client, folder, domainDirs }) => {
      const noKernel = join(folder, "text");
      writeFileSync(noKernel, "this is no kernel\n".repeat(1000));
      for (const kernel of [noKernel, join(folder, "absent"), "/"]) {
        await expect(client.createDomain(request(kernel))).rejects.toMatchObject({
          code: expect.stringMatching(/^(KERNEL_\w+|FILE_UNREADABLE)$/),
        });
      }
      await expect(
        client.createDomain(request(kernels["classic-spin"], { memory: 16 * 1024 * 1024 })),
      ).rejects.toMatchObject({ code: "HOST_MEMORY" });
      expect(await client.listDomains()).toEqual([]);
      expect(domainDirs()).toEqual([]);
      expect(processesIn(folder)).toEqual([]);
    });
  });

  test("of which many creates failed costs pvhd nothing that stays", async () => {
    await withDaemon(async ({ client, daemon, folder }) => {
      const failing = () =>
        Promise.allSettled(
          Array.from({ length: 4 }, (_, i) => client.createDomain(request("/etc/passwd", { name: `g${i}` }))),
        );
      const descriptors = () => readdirSync(`/proc/${daemon.pid}/fd`).length;
      await failing();
      const before = descriptors();
      for (let i = 0; i < 4; i++) await failing();
      await waitFor(() => expect(descriptors()).toBeLessThanOrEqual(before));
      expect(processesIn(folder)).toEqual([]);
    });
  });

  test("whose directory was removed stays listed after a restart, and can be ended", async () => {
    await withDaemon(async ({ client, daemon, restart }) => {
      const { uuid, pid } = (await client.createDomain(request(kernels["direct-spin"]))).domain;
      rmSync(join(daemon.state, "domains", uuid), { recursive: true });
      await restart("SIGKILL");
      expect((await client.getDomain(uuid)).state).toBe("running");
      await client.deleteDomain(uuid);
      expect(isRunning(pid)).toBe(false);
      expect(await client.listDomains()).toEqual([]);
    });
  });

  test("whose pvhd is killed in the middle of its create leaves nothing after a restart", async () => {
    await withDaemon(async (run) => {
      for (const delay of [50, 200, 450]) {
        const created = run.client.createDomain(request(kernels["classic-spin"], { name: `g${delay}` }));
        created.catch(() => {});
        await new Promise((done) => setTimeout(done, delay * patience));
        await run.restart("SIGKILL");
        const listed = await run.client.listDomains();
        // Either it was acknowledged and is a domain, or it was not and nothing is left of it. A VMM that had not begun
        // to listen when its launcher died gives up by itself, a moment later.
        await eventually(() => processesIn(run.folder).length === listed.length, "what nobody knows of ends");
        expect(run.domainDirs()).toEqual(listed.map(({ uuid }) => uuid));
        for (const { uuid } of listed) await run.client.deleteDomain(uuid);
      }
    });
  });

  test("of two with one name, created at once, exactly one wins", async () => {
    await withDaemon(async ({ client, folder }) => {
      const results = await Promise.allSettled(
        [1, 2, 3].map(() => client.createDomain(request(kernels["classic-spin"]))),
      );
      expect(results.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected", "rejected"]);
      expect(processesIn(folder)).toHaveLength(1);
    });
  });

  test("may have any uuid that Xen takes", async () => {
    await withDaemon(async ({ client }) => {
      const uuid = "01234567-0123-0123-0123-0123456789ab";
      const config = request(kernels["classic-spin"], { uuid });
      expect(await client.createDomain(config)).toMatchObject({ created: true, domain: { uuid } });
      expect(await client.createDomain(config)).toMatchObject({ created: false, domain: { uuid } });
    });
  });

  describe.each(["classic", "direct"] as const)("of a %s guest that watches the store", (boot) => {
    /** Runs it, and `shows` waits for what it prints. */
    async function watching(
      run: DaemonRun,
      changes: Partial<DomainRequest> = {},
    ): Promise<(text: string) => Promise<void>> {
      await run.client.createDomain(request(kernels[`${boot}-shutdown-watch`], changes));
      const shows = async (text: string) => {
        const log = async () => new TextDecoder().decode(await run.client.getConsoleLog("g"));
        await waitFor(async () => expect(await log()).toContain(text));
      };
      await shows("watch: ready");
      return shows;
    }

    test("powers off when it is asked to", async () => {
      await withDaemon(async (run) => {
        const shows = await watching(run);
        await run.client.act("g", "shutdown");
        await becomes(run, "g", "shutdown");
        await shows("watch: shutdown=poweroff");
        expect((await run.client.listDomains())[0]).toMatchObject({
          state: "shutdown",
          exit: { reason: "poweroff" },
        });
        expect((await run.client.getDomain("g")).exit).toMatchObject({ reason: "poweroff" });
      });
    });

    test("reboots when it is asked to, under another domid", async () => {
      await withDaemon(async (run) => {
        await watching(run);
        const { domid, uuid } = await run.client.getDomain("g");
        await run.client.act("g", "reboot");
        await waitFor(async () =>
          expect(await run.client.getDomain("g")).toMatchObject({ restarts: 1, state: "running" }),
        );
        const again = await run.client.getDomain("g");
        expect(again).toMatchObject({ uuid, exit: { reason: "reboot" } });
        expect(again.domid).not.toBe(domid);
      });
    });

    test("takes memory, vCPUs and SysRq keys", async () => {
      await withDaemon(async (run) => {
        const shows = await watching(run, { memory: 64, vcpus: 1, maxvcpus: 2 });
        await run.client.changeDomain("g", { memory: 48, vcpus: 2 });
        await shows("watch: target=49152 ballooned=4096");
        await shows("watch: cpu 1 availability=online");
        await waitFor(async () => expect((await run.client.getDomain("g")).memory_now).toBe(48));
        await run.client.sendSysrq("g", "h");
        await shows("watch: sysrq=h");
        await run.client.sendSysrq("g", "o");
        await becomes(run, "g", "shutdown");
      });
    });
  });
});
