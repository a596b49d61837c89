import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { moduleDependencies, modulesInOrder } from "../../hosts/kernel-modules.ts";

let dir: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "pvh-modules-"));
  await mkdir(join(dir, "kernel/arch/x86/kvm"), { recursive: true });
  await writeFile(join(dir, "modules.builtin"), "kernel/drivers/virtio/virtio-ring.ko\n");
  const depends = {
    "kvm-amd": "kvm,ccp",
    kvm: "irqbypass,virtio_ring",
    ccp: "",
    irqbypass: "",
    lost: "nowhere",
  };
  for (const [name, list] of Object.entries(depends)) {
    await writeFile(join(dir, "kernel/arch/x86/kvm", `${name}.ko`), modinfo(list));
  }
});

afterAll(() => rm(dir, { recursive: true }));

function modinfo(depends: string): Buffer {
  return Buffer.from(`\x7fELF\0license=GPL\0depends=${depends}\0intree=Y\0`, "latin1");
}

test("a module comes after what it depends on, once, and without what is built in", async () => {
  const modules = await modulesInOrder(dir, ["kvm_amd", "kvm"]);
  expect(modules.map(({ name }) => name)).toEqual(["irqbypass", "kvm", "ccp", "kvm_amd"]);
});

test("a dependency that is nowhere is named with what needs it", async () => {
  await expect(modulesInOrder(dir, ["lost"])).rejects.toThrow("Kernel module nowhere (for lost) is not in");
});

test("dependencies are read with underscores, and none without the entry", () => {
  expect(moduleDependencies(modinfo("a-b,c_d"))).toEqual(["a_b", "c_d"]);
  expect(moduleDependencies(Buffer.from("no such entry"))).toEqual([]);
});
