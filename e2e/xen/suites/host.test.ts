import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { requireOrSkip } from "../../support/require-or-skip.ts";
import { noXen, XenGuests } from "../../support/xen-host.ts";

/** `key : value` lines of `xl info`. */
function xlInfo(): Map<string, string> {
  const lines = execFileSync("xl", ["info"], { encoding: "utf8" }).trim().split("\n");
  return new Map(
    lines.map((line) => {
      const [key = "", value = ""] = line.split(/\s*:\s*(.*)/);
      return [key, value];
    }),
  );
}

describe.skipIf(requireOrSkip("the host's facts", noXen()))("the Xen host", () => {
  test("is what xl says that it is", async () => {
    await using xen = await XenGuests.start();
    const host = await xen.client.getHost();
    const info = xlInfo();
    expect(host).toMatchObject({
      backend: "xen",
      usable: true,
      version: info.get("xen_version"),
      memory_total: Number(info.get("total_memory")),
      capabilities: Object.fromEntries(
        (info.get("xen_caps") ?? "").split(" ").flatMap((name) => (name === "" ? [] : [[name, 1]])),
      ),
    });
    // xl leaves out what is still being scrubbed.
    expect(Math.abs((host.memory_available ?? 0) - Number(info.get("free_memory")))).toBeLessThan(64);
    expect(host.cpupools).toEqual([
      { name: "Pool-0", scheduler: info.get("xen_scheduler"), cpus: "all", domains: 1 },
    ]);
  });
});
