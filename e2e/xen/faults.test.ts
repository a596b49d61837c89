import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildGuests } from "../guests/build.ts";
import { describe as transcript } from "../hosts/agent-channel.ts";
import { missingForXenHost, startXenHost, type XenHost } from "../hosts/xen-host.ts";
import { requireOrSkip } from "../support/require-or-skip.ts";

/** pvhd killed in the midst of a creation: the next one leaves nothing of it, in the hypervisor, the store or domain 0. */
describe.skipIf(requireOrSkip("a killed pvhd on an emulated Xen host", await missingForXenHost()))(
  "pvhd killed on an emulated Xen host",
  { retry: 1 },
  () => {
    let host: XenHost;
    let folder: string;

    beforeAll(async () => {
      const kernels = await buildGuests();
      folder = mkdtempSync(join(tmpdir(), "pvh-faults-"));
      writeFileSync(
        join(folder, "guest.cfg"),
        `name = "victim"\ntype = "pvh"\nkernel = "${kernels["direct-spin"]}"\nmemory = 64\n` +
          'disk = ["/tmp/disk,raw,xvda,w"]\nvif = ["bridge=xenbr0"]\n',
      );
      host = await startXenHost();
      await host.run("truncate -s 1M /tmp/disk");
    });

    afterAll(async () => {
      await host?.stop();
      if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    });

    test.each(["requested", "domain", "store", "console", "disk", "network", "created"])(
      "at the point %s",
      async (point) => {
        const command = `node e2e/xen/killed-daemon.ts ${point} ${folder}/guest.cfg`;
        const result = await host.run(command, { timeoutMs: 600_000 });
        expect(result.status, transcript(command, result)).toBe(0);
        const { found, before, left } = JSON.parse(result.stdout.trim().split("\n").at(-1) ?? "");
        // An answered request is a domain that the next pvhd finds again; what was not answered is forgotten.
        expect(found).toBe(point === "created" ? 1 : 0);
        expect({ ...left, nodes: [] }).toEqual(before);
        expect(
          left.nodes.filter((node: string) => !node.endsWith("/0") && !node.startsWith("/vm/0000")),
        ).toEqual([]);
      },
    );
  },
);
