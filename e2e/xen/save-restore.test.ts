import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildGuests } from "../guests/build.ts";
import { missingForXenHost } from "../hosts/xen-host.ts";
import { missingForQdisks } from "../support/qdisk-tools.ts";
import { requireOrSkip } from "../support/require-or-skip.ts";
import { countingGuest } from "./counting-guest.ts";
import type { LinuxGuest } from "./linux-guest.ts";
import { useXenHost } from "./test-host.ts";

const UUID = "5a0ed000-0000-4000-8000-00000c047e50";
const LOG = "/var/log/xen/console/guest-counter.log";

/** Domains in files: ours and xl's, which each reads. */
describe.skipIf(requireOrSkip("saved domains on an emulated Xen host", await missingForXenHost()))(
  "saved domains on an emulated Xen host",
  { retry: 1 },
  () => {
    let guest: LinuxGuest;
    let folder: string;

    beforeAll(async () => {
      const kernels = await buildGuests();
      guest = await countingGuest("counter", { uuid: UUID, memory: 128, vcpus: 1 });
      folder = mkdtempSync(join(tmpdir(), "pvh-saved-"));
      writeFileSync(
        join(folder, "classic.cfg"),
        `name = "classic"\ntype = "pvh"\nkernel = "${kernels["classic-spin"]}"\nmemory = 64\n`,
      );
    });
    afterAll(async () => {
      await guest?.[Symbol.asyncDispose]();
      if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    });

    const { run, fails } = useXenHost({
      memory: 4096,
      prelude: "export PVHD_SOCKET=/tmp/pvhd.sock",
      prepare: async (host) => {
        await host.run("truncate -s 1M /tmp/disk");
        await startDaemon();
      },
    });

    async function startDaemon(): Promise<void> {
      const listening = "until [ -S /tmp/pvhd.sock ]; do sleep 0.2; done";
      await run(
        `rm -f /tmp/pvhd.sock; setsid -f pvhd --socket /tmp/pvhd.sock --state /tmp/state >> /tmp/pvhd.log 2>&1; ${listening}`,
      );
    }

    /** The counts that the guest has printed since it, or another of its name, was first started. */
    async function counts(): Promise<{ count: number; sum: string }[]> {
      const lines = (await run(`cat ${LOG}`)).matchAll(/^count (\d+) of ([0-9a-f]{32}),/gm);
      return [...lines].map(([, count, sum = ""]) => ({ count: Number(count), sum }));
    }

    async function lastCount(): Promise<number> {
      return (await counts()).at(-1)?.count ?? -1;
    }

    /** Waits until it has counted further. */
    async function countsOn(after: number): Promise<void> {
      await run(`until tail -n 1 ${LOG} | grep -q '^count' &&
        [ "$(grep -c '^count ' ${LOG})" -gt ${after + 1} ]; do sleep 1; done`);
    }

    /** Waits until the guest, which counts, reaches the host. */
    async function networkAnswers(): Promise<void> {
      await run(`until tail -n 1 ${LOG} | grep -q 'network answers'; do sleep 1; done`);
    }

    async function bootCounter(...overrides: string[]): Promise<void> {
      await run(`rm -f ${LOG}; pvhctl create -q ${guest.config} ${overrides.map((one) => `'${one}'`).join(" ")}
        until grep -qs '^count 2 ' ${LOG}; do sleep 1; done`);
    }

    /** Domains, nodes of theirs in the store, loop devices, interfaces and files of libxl. */
    function traces(): Promise<string> {
      return run(`xl list | awk 'NR > 2 { print $1 }'
        xenstore-ls -f | grep -E '^/(libxl|local/domain|local/domain/0/backend/[a-z]+)/[1-9]' || true
        xenstore-ls -f /vm 2> /dev/null | grep -v 00000000-0000 || true
        losetup -a; ls /sys/class/net | grep vif || true; ls /var/lib/xen | grep ${UUID} || true
        ls /tmp/*.partial 2> /dev/null || true; pgrep -f '[x]en-domid' || true`);
    }

    test("a domain is saved, is gone, and goes on where it was, with its memory, disk and network", async () => {
      const before = await traces();
      await bootCounter('disk=["/tmp/disk,raw,xvda,w"]', 'vif=["bridge=xenbr0"]');
      await networkAnswers();
      expect(await run("pvhctl save counter /tmp/saved")).toBe("counter is saved to /tmp/saved\n");
      const [record] = JSON.parse(await run("pvhctl list -o json"));
      expect(record).toMatchObject({ state: "shutdown", exit: { reason: "suspend" } });
      expect(await traces()).toBe(before);
      expect(await run("stat -c '%a' /tmp/saved")).toBe("600\n");
      const saved = await lastCount();

      expect(await run("pvhctl restore /tmp/saved")).toMatch(/^counter is running, uuid /);
      await countsOn(saved);
      const all = await counts();
      expect(all.map(({ count }) => count)).toEqual([...all.keys()]);
      expect(new Set(all.map(({ sum }) => sum)).size).toBe(1);
      // What it writes now is what it counts now.
      await run(`until grep -aq '^count ${saved + 4}' /tmp/disk; do sleep 1; done`);
      await networkAnswers();
      expect(JSON.parse(await run("pvhctl show -o json counter")).devices).toMatchObject([
        { name: "xvda", state: "connected" },
        { kind: "vif", state: "connected" },
      ]);

      // A domain that runs is not restored beside itself, and its file is never written over.
      expect(await fails("pvhctl restore /tmp/saved")).toContain("error DOMAIN_NAME_TAKEN");
      expect(await fails("pvhctl restore --name other /tmp/saved")).toContain("error DOMAIN_UUID_TAKEN");
      expect(await fails("pvhctl save counter /tmp/saved")).toContain("error FILE_EXISTS");
      expect(await fails("pvhctl save counter /nowhere/saved")).toContain("error FILE_UNWRITABLE");
      await countsOn(await lastCount());
      await run("pvhctl destroy counter");
      expect(await traces()).toBe(before);

      // What is cut off, or is something else, makes no domain.
      await run("head -c -8 /tmp/saved > /tmp/short; head -c 60000000 /tmp/saved > /tmp/half");
      for (const file of ["short", "half"]) {
        expect(await fails(`pvhctl restore /tmp/${file}`)).toContain("error SAVED_TRUNCATED");
      }
      expect(await fails("pvhctl restore /bin/true")).toContain("error SAVED_FORMAT");
      expect(await fails("pvhctl restore /tmp/none")).toContain("error FILE_UNREADABLE");
      expect(await run("pvhctl list -o json")).toBe("[]\n");
      expect(await traces()).toBe(before);
      await run("rm /tmp/saved /tmp/short /tmp/half");
    });

    const missing = missingForQdisks();
    test.skipIf(requireOrSkip("saved domains with disks that QEMU serves", missing))(
      "a disk that QEMU serves comes, is saved with the domain, is there again, and goes",
      async () => {
        const before = await traces();
        await run("qemu-img create -q -f qcow2 /tmp/disk.qcow2 1M");
        const written = `count=$(qemu-img dd -U -f qcow2 -O raw bs=512 count=1 if=/tmp/disk.qcow2 of=/tmp/sector &&
          sed -n 's/^count //p' /tmp/sector | tr -d '\\0')`;
        const countOnDisk = async () => Number(await run(`${written}; echo $count`));
        const untilWritten = (count: number) =>
          run(`until ${written}; [ "\${count:--1}" -ge ${count} ]; do sleep 1; done`);

        await bootCounter();
        expect(await run("pvhctl block-attach counter /tmp/disk.qcow2 qcow2 xvda w")).toMatch(/^xvda is /);
        await untilWritten(0);
        await run("pvhctl save counter /tmp/saved");
        expect(await traces()).toBe(before);
        await run("qemu-img check -q /tmp/disk.qcow2");
        const saved = await countOnDisk();

        await run("pvhctl restore /tmp/saved");
        await untilWritten(saved + 2);
        expect(JSON.parse(await run("pvhctl show -o json counter")).devices).toMatchObject([
          { name: "xvda", target: "/tmp/disk.qcow2", state: "connected" },
        ]);
        await run("pvhctl block-detach counter xvda");
        expect(await run("pvhctl block-list -o json counter; pgrep -f '[x]en-domid' || true")).toBe("[]\n");
        expect(await countOnDisk()).toBeGreaterThanOrEqual(saved + 2);
        await run("qemu-img check -q /tmp/disk.qcow2");
        await countsOn(await lastCount());
        await run("pvhctl destroy counter; rm /tmp/saved /tmp/disk.qcow2 /tmp/sector");
        expect(await traces()).toBe(before);
      },
    );

    test("a checkpoint lets it go on; xl restores that, and what xl saves is restored here", async () => {
      await bootCounter();
      await run("pvhctl save -c counter /tmp/ours");
      const saved = await lastCount();
      await countsOn(saved);
      const all = await counts();
      expect(all.map(({ count }) => count)).toEqual([...all.keys()]);
      await run("pvhctl destroy counter");

      await run(`rm ${LOG}; xl restore /tmp/ours; until [ -s ${LOG} ]; do sleep 1; done`);
      const again = (await counts())[0]?.count ?? -1;
      expect(Math.abs(again - saved)).toBeLessThanOrEqual(2);
      await run("xl save counter /tmp/theirs");
      expect(await run("xl list | wc -l")).toBe("2\n");

      expect(await run("pvhctl restore -p /tmp/theirs")).toMatch(/^counter is paused, uuid /);
      expect(JSON.parse(await run("pvhctl show -o json counter"))).toMatchObject({
        name: "counter",
        boot_interface: "direct",
        uuid: UUID,
        config: { memory: 128, vcpus: 1, cmdline: "console=hvc0 quiet", on_reboot: "restart" },
      });
      const last = await lastCount();
      await run("pvhctl unpause counter");
      await run(`until grep -q '^count ${last + 3} ' ${LOG}; do sleep 1; done`);
      expect(new Set((await counts()).map(({ sum }) => sum)).size).toBe(1);
      await run("pvhctl destroy counter; rm /tmp/ours /tmp/theirs");
    });

    test("what cannot be saved is refused, and goes on", async () => {
      await run(`pvhctl create -q ${folder}/classic.cfg`);
      expect(await fails("pvhctl save classic /tmp/classic")).toMatch(
        /^pvhctl: error HOST_UNSUPPORTED: The xen backend cannot save a classic guest/,
      );
      expect(await run("xl list classic | awk 'NR == 2 { print $5 }'")).toMatch(/^[r-]-----$/m);
      await run("pvhctl pause classic && pvhctl destroy classic && ! ls /tmp/classic* 2> /dev/null");

      await bootCounter();
      await run("pvhctl pause counter");
      expect(await fails("pvhctl save counter /tmp/paused")).toContain(
        "error DOMAIN_STATE: The domain is paused",
      );
      await run("pvhctl unpause counter");
      await countsOn(await lastCount());
      await run("pvhctl save -p counter /tmp/paused");
      expect(await run("pvhctl list -o json counter")).toContain('"state": "paused"');
      const saved = await lastCount();
      await run("pvhctl unpause counter");
      await countsOn(saved);
      await run("pvhctl destroy counter; rm /tmp/paused");
    });

    test("whoever destroys a domain does not wait until it is saved", async () => {
      const before = await traces();
      await bootCounter();
      const output = await run(`pvhctl save counter /tmp/broken > /tmp/said 2>&1 &
        until ls /tmp/broken.*.partial > /dev/null 2>&1; do sleep 0.1; done
        pvhctl destroy counter; ls /tmp/broken* 2> /dev/null; wait; cat /tmp/said`);
      expect(output).toMatch(/^pvhctl: error DOMAIN_STATE: The domain ended while it was being saved\.$/m);
      expect(output).not.toContain("/tmp/broken");
      expect(await traces()).toBe(before);
    });

    test("pvhd killed while it saves: the next one lets the guest go on", async () => {
      const before = await traces();
      await bootCounter();
      await run(`pvhctl save counter /tmp/killed > /dev/null 2>&1 &
        until [ "$(cat /tmp/killed.*.partial 2> /dev/null | head -c 1000000 | wc -c)" = 1000000 ]; do sleep 0.05; done
        kill -9 $(cat /tmp/state/pvhd.pid); wait; ! ls /tmp/killed`);
      await startDaemon();
      await countsOn(await lastCount());
      expect(await run("pvhctl list -o json counter")).toContain('"state": "running"');
      await run("! ls /tmp/killed* 2> /dev/null");
      await run("pvhctl destroy counter");
      expect(await traces()).toBe(before);
    });
  },
);
