import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { PvhClient } from "@pvh/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildGuests } from "../../guests/build.ts";
import { diskImage, SECTORS, wrongWords } from "../../support/device-guests.ts";
import { failedChecks, passedChecks } from "../../support/guest-runs.ts";
import { pvhctl, startPvhd } from "../../support/programs.ts";
import { checkImage, convertImage, missingForQdisks, qemuProcesses } from "../../support/qdisk-tools.ts";
import { requireOrSkip } from "../../support/require-or-skip.ts";
import { waitFor } from "../../support/wait-for.ts";
import { type GuestEnd, noXen, XenGuests } from "../../support/xen-host.ts";

const execute = promisify(execFile);
const skipped = requireOrSkip("disks that QEMU serves", noXen() ?? missingForQdisks());

/** By this guests know that they are not on our own hypervisor. */
const REAL_XEN = "xen=4.17";

/** What the host's store has of disks that QEMU serves, and of QEMU. */
async function traces(): Promise<string[]> {
  const { stdout } = await execute("xenstore-ls", ["-f", "/local/domain"]);
  return stdout.split("\n").filter((line) => /qdisk\/|device-model\/|image|device\/vbd/.test(line));
}

describe.skipIf(skipped)("disks that QEMU serves", () => {
  let kernels: Record<string, string>;
  let folder: string;
  const image = diskImage();

  beforeAll(async () => {
    kernels = await buildGuests();
    folder = mkdtempSync(join(tmpdir(), "pvh-qdisk-"));
    writeFileSync(join(folder, "raw"), image);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  async function imageIn(format: string, name: string, ...options: string[]): Promise<string> {
    const path = join(folder, name);
    await convertImage(join(folder, "raw"), path, "-f", "raw", "-O", format, ...options);
    return path;
  }

  async function contents(path: string, format: string): Promise<Buffer> {
    await convertImage(path, join(folder, "back"), "-f", format, "-O", "raw");
    return readFileSync(join(folder, "back")).subarray(0, image.length);
  }

  async function expectNothing(): Promise<void> {
    await waitFor(() => expect(qemuProcesses()).toEqual([]));
    expect(await traces()).toEqual([]);
  }

  describe("in guests", () => {
    let xen: XenGuests;
    beforeAll(async () => {
      xen = await XenGuests.start();
    });
    afterAll(() => xen?.[Symbol.asyncDispose]());

    function useDisks(guest: string, disk: string[]): Promise<GuestEnd> {
      const cmdline = `disks=${disk.length} sectors=${SECTORS} ${REAL_XEN}`;
      return xen.run({ name: "test", type: "pvh", kernel: kernels[guest] ?? "", memory: 16, cmdline, disk });
    }

    test.for([
      { guest: "classic-block", format: "qcow2", driver: "qcow2" },
      { guest: "direct-block", format: "vhd", driver: "vpc" },
    ])("$guest writes a disk in $format, and reads a raw one", async ({ guest, format, driver }) => {
      const options = driver === "vpc" ? ["-o", "force_size=on"] : [];
      const written = await imageIn(driver, "written", ...options);
      const readonly = join(folder, "raw");
      const { output, reason } = await useDisks(guest, [
        `${written},${format},xvda,w`,
        `${readonly},raw,xvdb,r`,
      ]);
      expect(failedChecks(output), output.slice(-3000)).toEqual([]);
      expect(passedChecks(output)).toBeGreaterThanOrEqual(170);
      expect(reason).toBe("poweroff");
      await expectNothing();
      expect(wrongWords(await contents(written, driver))).toBe(0);
      if (driver === "qcow2") await checkImage(written, driver);
      expect(readFileSync(readonly).equals(image)).toBe(true);
    });

    test("xl destroys such a domain with its QEMU", async () => {
      const path = await imageIn("qcow2", "xl");
      const kernel = kernels["direct-spin"] ?? "";
      const disk = [`${path},qcow2,xvda,w`];
      const domain = await xen.create({ name: "test", type: "pvh", kernel, memory: 16, disk });
      expect(qemuProcesses()).toHaveLength(1);
      await execute("xl", ["destroy", "test"]);
      await waitFor(async () =>
        expect((await xen.client.getDomain(domain.uuid)).exit?.reason).toBe("killed"),
      );
      await expectNothing();
    });
  });

  test("disks come and go while pvhd is killed and started again; what is no disk leaves nothing", async () => {
    const [good, other, broken] = await Promise.all(
      ["good", "other", "broken"].map((name) => imageIn("qcow2", name)),
    );
    if (good === undefined || other === undefined || broken === undefined) throw new Error("no images");
    truncateSync(broken, 100);
    let daemon = await startPvhd(folder);
    const client = new PvhClient(daemon.socket);
    const attach = (path: string, format: string, vdev: string, access = "w") =>
      client.attachDisk("test", `${path},${format},${vdev},${access}`);
    const expectRefused = (attached: Promise<unknown>, code: string, message: RegExp) =>
      expect(attached).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    try {
      await client.createDomain({
        name: "test",
        type: "pvh",
        kernel: kernels["direct-spin"] ?? "",
        memory: 16,
      });
      await expectRefused(attach(join(folder, "none"), "qcow2", "xvda"), "FILE_UNREADABLE", /disk: .*none/);
      await expectRefused(
        attach(join(folder, "raw"), "qcow2", "xvda"),
        "FILE_UNREADABLE",
        /is no image of format qcow2/,
      );
      await expectRefused(
        attach(broken, "qcow2", "xvda"),
        "XEN_DEVICE",
        /QEMU cannot serve .*broken: .*qcow2/,
      );
      await expectRefused(attach(good, "qcow2", "xvda", "r"), "HOST_UNSUPPORTED", /good is to be read only/);
      await expectNothing();

      expect(await attach(good, "qcow2", "xvda")).toMatchObject({ name: "xvda" });
      const [first] = qemuProcesses();
      await expectRefused(attach(good, "raw", "xvdb"), "DISK_IN_USE", /good is xvda of this domain/);
      await expectRefused(attach(broken, "qcow2", "xvdb"), "XEN_DEVICE", /broken/);
      await daemon.stop("SIGKILL");
      expect(qemuProcesses()).toEqual([first]);
      daemon = await startPvhd(folder);
      expect(await attach(other, "qcow2", "xvdb")).toMatchObject({ name: "xvdb" });
      expect(qemuProcesses()).toEqual([first]);
      const { stdout } = await pvhctl(["block-list", "test"], { socket: daemon.socket });
      expect(stdout.split("\n").map((line) => line.split(/ {2,}/).at(-1))).toEqual([
        ...["Target", good, other, ""],
      ]);
      await client.detachDisk("test", "xvda", true);
      expect(qemuProcesses()).toEqual([first]);
      await client.detachDisk("test", "xvdb", true);
      await expectNothing();

      await attach(good, "qcow2", "xvda");
      const [second = 0] = qemuProcesses();
      process.kill(second, "SIGKILL");
      await waitFor(() => expect(qemuProcesses()).toEqual([]));
      await client.deleteDomain("test");
      await expectNothing();
    } finally {
      await client.deleteDomain("test").catch(() => {});
      await daemon.stop();
    }
  });
});
