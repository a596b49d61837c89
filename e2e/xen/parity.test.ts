import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { describe as transcript } from "../hosts/agent-channel.ts";
import { kernel } from "../hosts/debian-packages.ts";
import { guestInitramfs } from "../hosts/initramfs.ts";
import { missingForXenHost, startXenHost, type XenHost } from "../hosts/xen-host.ts";
import { root } from "../support/programs.ts";
import { requireOrSkip } from "../support/require-or-skip.ts";

const Differences = z.array(
  z.object({ what: z.string(), xl: z.string().optional(), pvhd: z.string().optional() }),
);

/** The first column of the table: patterns in which `*` stands for any text. */
function explained(): { text: string; pattern: RegExp }[] {
  const document = readFileSync(join(root, "docs/xen-parity.md"), "utf8");
  return [...document.matchAll(/^\| `([^`]+)` \|/gm)].map(([, text = ""]) => {
    const parts = text.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
    return { text, pattern: new RegExp(`^${parts.join(".*")}$`) };
  });
}

describe.skipIf(requireOrSkip("parity with xl on an emulated Xen host", await missingForXenHost()))(
  "a domain of pvhd's and one of xl's",
  { retry: 1 },
  () => {
    let host: XenHost;
    let folder: string;

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), "pvh-parity-"));
      const { vmlinuz } = await kernel("cloud");
      writeFileSync(join(folder, "initramfs"), await guestInitramfs());
      writeFileSync(
        join(folder, "guest.cfg"),
        [
          'name = "twin"',
          'type = "pvh"',
          `kernel = "${vmlinuz}"`,
          `ramdisk = "${folder}/initramfs"`,
          "memory = 128",
          "vcpus = 2",
          'cmdline = "console=hvc0"',
          'disk = ["/tmp/disk,raw,xvda,w"]',
          'vif = ["bridge=xenbr0"]\n',
        ].join("\n"),
      );
      host = await startXenHost();
      await host.run("truncate -s 1M /tmp/disk");
    });

    afterAll(async () => {
      await host?.stop();
      if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    });

    test("differ in nothing that docs/xen-parity.md does not explain, and in all that it says", async () => {
      const command = `node e2e/xen/parity/compare-domains.ts ${folder}/guest.cfg`;
      const result = await host.run(command, { timeoutMs: 600_000 });
      expect(result.status, transcript(command, result)).toBe(0);
      const differences = Differences.parse(JSON.parse(result.stdout.trim().split("\n").at(-1) ?? ""));
      const rows = explained();
      expect(differences.filter(({ what }) => !rows.some(({ pattern }) => pattern.test(what)))).toEqual([]);
      const untrue = rows.filter(({ pattern }) => !differences.some(({ what }) => pattern.test(what)));
      expect(untrue.map(({ text }) => text)).toEqual([]);
    });
  },
);
