import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildGuests } from "../guests/build.ts";
import { describe as transcript } from "../hosts/agent-channel.ts";
import { missingForXenHost, startXenHost, type XenHost } from "../hosts/xen-host.ts";
import { missingForQdisks } from "../support/qdisk-tools.ts";
import { requireOrSkip } from "../support/require-or-skip.ts";

/** pvhd killed in the midst of a creation: the next one leaves nothing of it, in the hypervisor, the store or domain 0. */

/** Pages that Xen may keep for domain 0 when that does something for the first time. A domain has more. */
const KEPT = 1;

describe.skipIf(requireOrSkip("a killed pvhd on an emulated Xen host", await missingForXenHost()))(
  "pvhd killed on an emulated Xen host",
  { retry: 1 },
  () => {
    let host: XenHost;
    let folder: string;

    beforeAll(async () => {
      const kernels = await buildGuests();
      folder = mkdtempSync(join(tmpdir(), "pvh-faults-"));
      const keys = `name = "victim"\ntype = "pvh"\nkernel = "${kernels["direct-spin"]}"\nmemory = 64\n`;
      writeFileSync(
        join(folder, "guest.cfg"),
        `${keys}disk = ["/tmp/disk,raw,xvda,w"]\nvif = ["bridge=xenbr0"]\n`,
      );
      writeFileSync(join(folder, "qcow2.cfg"), `${keys}disk = ["/tmp/disk.qcow2,qcow2,xvda,w"]\n`);
      host = await startXenHost();
      await host.run("truncate -s 1M /tmp/disk; qemu-img create -f qcow2 /tmp/disk.qcow2 1M");
    });

    afterAll(async () => {
      await host?.stop();
      if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    });

    /** Kills pvhd there when it has come to the point with this guest. */
    async function killedAt(point: string, config: string): Promise<void> {
      const command = `node e2e/xen/killed-daemon.ts ${point} ${join(folder, config)}`;
      const result = await host.run(command, { timeoutMs: 600_000 });
      expect(result.status, transcript(command, result)).toBe(0);
      const { found, before, left } = JSON.parse(result.stdout.trim().split("\n").at(-1) ?? "");
      // An answered request is a domain that the next pvhd finds again; what was not answered is forgotten.
      expect(found).toBe(point === "created" ? 1 : 0);
      expect({ ...left, nodes: [], freePages: before.freePages }).toEqual(before);
      expect(left.freePages).toBeGreaterThanOrEqual(before.freePages - KEPT);
      expect(
        left.nodes.filter((node: string) => !node.endsWith("/0") && !node.startsWith("/vm/0000")),
      ).toEqual([]);
    }

    test.each(["requested", "domain", "store", "console", "disk", "network", "created"])(
      "at the point %s",
      (point) => killedAt(point, "guest.cfg"),
    );

    const missing = missingForQdisks();
    test
      .skipIf(requireOrSkip("pvhd killed with a QEMU on an emulated Xen host", missing))
      .each(["qemu", "qdisk", "created"])("with a disk that QEMU serves, at the point %s", (point) =>
      killedAt(point, "qcow2.cfg"),
    );
  },
);
