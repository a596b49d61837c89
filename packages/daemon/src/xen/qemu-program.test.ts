import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { requireQemu } from "./qemu-program.ts";

let dir: string;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "pvhd-qemu-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function program(name: string, script: string, mode = 0o755): string {
  const path = join(dir, name);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, mode);
  return path;
}

test("the first that is for Xen, then one that knows Xen's machine", async () => {
  const general = program("general", "echo 'Supported machines are:'; echo 'xenpv  Xen Para-virtualized PC'");
  const plain = program("plain", "echo 'pc  Standard PC'");
  const broken = program("broken", "exit 1");
  const forXen = program("for-xen", "exit 1");
  const none = join(dir, "none");
  const find = (own: string[], others: string[]) =>
    requireQemu(undefined, "/a", { forXen: own, general: others });
  expect(await find([none, dir, forXen], [general])).toBe(forXen);
  expect(await find([none], [broken, plain, general])).toBe(general);
  await expect(find([none], [plain])).rejects.toMatchObject({
    code: "HOST_UNSUPPORTED",
    message: expect.stringMatching(
      /^disk: \/a .*apt-get install qemu-system-xen.*qemu-img convert -O raw\.$/,
    ),
  });
});

test("the one that the config names, which has to be a program", async () => {
  const chosen = program("chosen", "exit 1");
  expect(await requireQemu(chosen, "/a")).toBe(chosen);
  for (const wrong of [join(dir, "none"), program("data", "", 0o644), dir]) {
    await expect(requireQemu(wrong, "/a")).rejects.toMatchObject({
      code: "FILE_UNREADABLE",
      details: { field: "device_model_override" },
    });
  }
});
