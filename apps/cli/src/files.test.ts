import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { readGuestConfig } from "./files.ts";

const text = `
name = "g"
type = "pvh"
kernel = "vmlinux"
memory = 64
disk = ["images/a.img,raw,xvda,w", "/dev/vg/b,raw,xvdb,r"]
`;

function configFile(): { folder: string; path: string } {
  const folder = mkdtempSync(join(tmpdir(), "pvhctl-files-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "guest.cfg");
  writeFileSync(path, text);
  return { folder, path };
}

test("relative paths in a config are relative to its folder", () => {
  const { folder, path } = configFile();
  const config = readGuestConfig(path, []);
  expect([config.kernel, config.ramdisk]).toEqual([join(folder, "vmlinux"), undefined]);
  expect(config.disk.map(({ target }) => target)).toEqual([join(folder, "images/a.img"), "/dev/vg/b"]);
});

test("relative paths in overrides are relative to the working folder", () => {
  const { folder, path } = configFile();
  const config = readGuestConfig(path, ['disk=["c.img,raw,xvda"]', 'ramdisk="initrd"']);
  expect([config.kernel, config.ramdisk]).toEqual([join(folder, "vmlinux"), join(process.cwd(), "initrd")]);
  expect(config.disk.map(({ target }) => target)).toEqual([join(process.cwd(), "c.img")]);
});
