import { readdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { buildGuests } from "../guests/build.ts";
import { type DaemonRun, withDaemon } from "../support/daemon-runs.ts";
import { type GuestSettings, withConfig } from "../support/guest-runs.ts";
import { eventually, isRunning, processesIn } from "../support/processes.ts";
import { noKvm, pvhctl, startPvhctl } from "../support/programs.ts";
import { requireOrSkip } from "../support/require-or-skip.ts";

/** The command line as people use it: its output, its exit status, and what it leaves. */

let kernels: Record<string, string>;

beforeAll(async () => {
  kernels = await buildGuests();
});

const kernel = (name: string) => kernels[name] ?? `no guest ${name}`;

describe.skipIf(requireOrSkip("pvhctl run", noKvm()))("run", () => {
  test("prints the console alone on stdout, and how it ended on stderr", async () => {
    await withConfig({ kernel: kernel("classic-poweroff") }, async (config, tmp) => {
      const { status, stdout, stderr } = await pvhctl(["run", config], { tmp });
      expect(stdout).toBe("poweroff: now\n");
      expect(stderr).toBe("pvhctl: test: poweroff\n");
      expect(status).toBe(0);
      expect(readdirSync(tmp)).toEqual(["guest.cfg"]);
    });
  });

  test("ends with its guest when nobody takes the output", async () => {
    await withConfig({ kernel: kernel("classic-entry"), memory: 64 }, async (config, tmp) => {
      const { child, promise } = startPvhctl(["run", config], { tmp });
      child.stdout?.once("data", () => child.stdout?.destroy());
      const { status, stderr } = await promise;
      expect(stderr).toBe("");
      expect(status).toBe(141);
      await eventually(() => readdirSync(tmp).length === 1, "the VMM takes its files away");
    });
  });

  test("takes overrides", async () => {
    await withConfig({ kernel: "/nowhere" }, async (config) => {
      const { stderr, status } = await pvhctl([
        "run",
        config,
        `kernel=${kernel("direct-poweroff")}`,
        'name="other"',
      ]);
      expect(stderr).toBe("pvhctl: other: poweroff\n");
      expect(status).toBe(0);
    });
  });

  test.for<NodeJS.Signals>(["SIGINT", "SIGTERM", "SIGHUP"])(
    "%s ends a guest that cannot be asked",
    async (signal) => {
      await withConfig({ kernel: kernel("classic-spin") }, async (config) => {
        const { child, promise } = startPvhctl(["run", config]);
        await new Promise((resolve) => child.stdout?.once("data", resolve));
        child.kill(signal);
        const { status, stderr } = await promise;
        expect(stderr).toContain("test: killed");
        expect(status).toBe(18);
      });
    },
  );

  test("neither its guest nor its files outlive it", async () => {
    await withConfig({ kernel: kernel("direct-spin") }, async (config, tmp) => {
      const { child, promise } = startPvhctl(["run", config], { tmp });
      await new Promise((resolve) => child.stdout?.once("data", resolve));
      const [vmm = 0] = processesIn(tmp);
      expect(isRunning(vmm)).toBe(true);
      child.kill("SIGKILL");
      await promise;
      await eventually(() => !isRunning(vmm), "the VMM ends");
      expect(readdirSync(tmp)).toEqual(["guest.cfg"]);
    });
  });

  test("shows the timings of its stages", async () => {
    await withConfig({ kernel: kernel("direct-poweroff") }, async (config) => {
      const { stderr, status } = await pvhctl(["run", "--timings", config]);
      expect(status).toBe(0);
      expect(stderr).toMatch(/inspect [\d.]+ ms, .*unpause [\d.]+ ms, total/);
    });
  });
});

describe.skipIf(requireOrSkip("pvhctl with pvhd", noKvm()))("with pvhd", () => {
  const withGuest = (settings: GuestSettings, use: (run: DaemonRun, config: string) => Promise<void>) =>
    withConfig(settings, (config) => withDaemon((run) => use(run, config)));

  test("create, list, show, pause, unpause, destroy", async () => {
    await withGuest({ kernel: kernel("classic-spin") }, async ({ daemon: { socket } }, config) => {
      const created = await pvhctl(["create", config, "--timings"], { socket });
      expect(created.stdout).toMatch(/^test is running, uuid [0-9a-f-]{36}\n {2}inspect [\d.]+ ms, .*total/);
      const [listed] = JSON.parse((await pvhctl(["list", "-o", "json"], { socket })).stdout);
      expect(listed).toMatchObject({ name: "test", state: "running", boot_interface: "classic" });
      expect((await pvhctl(["list"], { socket })).stdout).toMatch(/^Name .*\ntest .* classic +running\n$/);
      for (const id of ["test", listed.uuid]) {
        expect(JSON.parse((await pvhctl(["show", id, "-o", "json"], { socket })).stdout).uuid).toBe(
          listed.uuid,
        );
      }
      expect((await pvhctl(["show", "test"], { socket })).stdout).toMatch(/^state +running$/m);
      expect((await pvhctl(["pause", "test"], { socket })).stdout).toBe("test is paused\n");
      expect((await pvhctl(["unpause", "test"], { socket })).stdout).toBe("test is running\n");
      expect((await pvhctl(["create", config], { socket })).stderr).toContain("error DOMAIN_NAME_TAKEN");
      expect((await pvhctl(["destroy", "test"], { socket })).status).toBe(0);
      expect((await pvhctl(["show", "test"], { socket })).stderr).toContain("error DOMAIN_NOT_FOUND");
      expect(JSON.parse((await pvhctl(["list", "-o", "json"], { socket })).stdout)).toEqual([]);
    });
  });

  test("create -p leaves it paused; destroy --keep keeps its record", async () => {
    await withGuest({ kernel: kernel("direct-spin") }, async ({ daemon: { socket } }, config) => {
      const { stdout } = await pvhctl(["create", "-p", config, "-o", "json"], { socket });
      expect(JSON.parse(stdout)).toMatchObject({ state: "paused" });
      await pvhctl(["destroy", "--keep", "test"], { socket });
      const [kept] = JSON.parse((await pvhctl(["list", "-o", "json"], { socket })).stdout);
      expect(kept).toMatchObject({ state: "destroyed", exit: { reason: "killed" } });
    });
  });

  test.for(["classic-echo", "direct-echo", "direct-echo-bare"])(
    "create -c talks with %s from its first character, and ends with it",
    async (guest) => {
      await withGuest({ kernel: kernel(guest) }, async ({ daemon: { socket } }, config) => {
        const { stdout, stderr, status } = await pvhctl(["create", "-q", "-c", config], {
          socket,
          input: "hello\nquit\n",
        });
        expect(stdout).toContain("echo: ready\necho: hello\necho: bye\n");
        expect(stderr).toBe("pvhctl: test: poweroff\n");
        expect(status).toBe(0);
        const replay = await pvhctl(["console", "--replay", "test"], { socket });
        expect(replay.stdout).toBe(stdout);
      });
    },
  );

  test("create -F waits until the domain has ended", async () => {
    await withGuest({ kernel: kernel("direct-echo") }, async ({ daemon: { socket }, client }, config) => {
      const { promise } = startPvhctl(["create", "-F", config], { socket });
      await eventually(async () => (await client.listDomains())[0]?.state === "running", "the domain runs");
      expect(await Promise.race([promise, sleep(500).then(() => "waits")])).toBe("waits");
      await pvhctl(["console", "test"], { socket, input: "quit\n" });
      expect(await promise).toMatchObject({ status: 0, stderr: "" });
      expect(await client.getDomain("test")).toMatchObject({ state: "shutdown" });
    });
  });

  test("info says what the host is", async () => {
    await withDaemon(async ({ daemon: { socket }, client }) => {
      const { stdout } = await pvhctl(["info"], { socket });
      expect(stdout).toMatch(/^backend +kvm\n/);
      expect(stdout).toMatch(/^usable +yes$/m);
      expect(stdout).toMatch(/^memory_available +\d+ MiB$/m);
      const { stdout: json } = await pvhctl(["info", "-o", "json"], { socket });
      expect(Object.keys(JSON.parse(json))).toEqual(Object.keys(await client.getHost()));
    });
  });

  test("create with a fixed uuid starts it again once it has ended, and not before", async () => {
    const uuid = "01234567-89ab-cdef-0123-456789abcdef";
    await withGuest({ kernel: kernel("classic-spin"), uuid }, async ({ daemon: { socket } }, config) => {
      expect((await pvhctl(["create", config], { socket })).status).toBe(0);
      expect((await pvhctl(["create", config], { socket })).stderr).toContain("error DOMAIN_UUID_TAKEN");
      await pvhctl(["destroy", "--keep", "test"], { socket });
      expect((await pvhctl(["create", config], { socket })).stdout).toBe(`test is running, uuid ${uuid}\n`);
    });
  });

  test("a console whose pvhd goes away says so and fails", async () => {
    await withGuest({ kernel: kernel("classic-spin") }, async ({ daemon, restart }, config) => {
      await pvhctl(["create", config], { socket: daemon.socket });
      const { child, promise } = startPvhctl(["console", "test"], { socket: daemon.socket });
      await new Promise((resolve) => child.stdout?.once("data", resolve));
      await restart("SIGKILL");
      const { status, stderr } = await promise;
      expect(stderr).toContain("error DAEMON_UNREACHABLE: The console broke");
      expect(status).toBe(1);
    });
  });

  test("create that is interrupted leaves no domain", async () => {
    await withGuest({ kernel: kernel("classic-spin") }, async ({ daemon: { socket }, client }, config) => {
      const { child, promise } = startPvhctl(["create", config], { socket });
      await eventually(async () => (await client.listDomains()).length > 0, "the domain is being created");
      child.kill("SIGINT");
      const { status } = await promise;
      // The signal may come when all is done: then the domain stays, and that is what the exit status says.
      expect(await client.listDomains()).toHaveLength(status === 0 ? 1 : 0);
      expect([0, 130]).toContain(status);
    });
  });

  test("console shows what was printed before, of a running guest too", async () => {
    await withGuest({ kernel: kernel("classic-spin") }, async ({ daemon: { socket } }, config) => {
      await pvhctl(["create", config], { socket });
      await eventually(
        async () =>
          (await pvhctl(["console", "--replay", "test"], { socket })).stdout.includes("spin: spinning\n"),
        "the output is replayed",
      );
    });
  });
});
