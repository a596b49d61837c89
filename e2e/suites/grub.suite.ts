import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { PvhClient } from "@pvh/client";
import { expect } from "vitest";
import { cpio } from "../hosts/cpio.ts";
import { pvhctl, root, startPvhctl } from "../support/programs.ts";
import { waitFor } from "../support/wait-for.ts";

/** A guest that we have not written: GRUB's PVH image, which speaks Xen's console, store, grants and block protocol. */

const config = join(root, "e2e/grub.cfg");
const SECTOR = 512;
const FIRST_SECTOR = 64;
const text = "a line from the partition\n";

export function noGrub(): string | undefined {
  const kernel = /^kernel = "(.*)"$/m.exec(readFileSync(config, "utf8"))?.[1] ?? "";
  return existsSync(kernel) ? undefined : `${kernel} is missing: apt-get install grub-xen-host`;
}

/** A disk with an MBR and one partition, which GRUB takes for a file system: a cpio archive. */
function diskImage(): Buffer {
  const archive = cpio([{ path: "hello.txt", kind: "file", data: text }]);
  const sectors = Math.ceil(archive.length / SECTOR) + 64;
  const disk = Buffer.alloc((FIRST_SECTOR + sectors) * SECTOR);
  const entry = 446;
  disk.writeUInt8(0x83, entry + 4);
  disk.writeUInt32LE(FIRST_SECTOR, entry + 8);
  disk.writeUInt32LE(sectors, entry + 12);
  disk.writeUInt16LE(0xaa55, 510);
  disk.set(archive, FIRST_SECTOR * SECTOR);
  return disk;
}

/** Its console is a terminal: cursor movements between the characters. */
function withoutMovements(output: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
  return output.replace(/\x1b\[[0-9;?]*[A-Za-z]/g, "");
}

/** It shows its prompt, answers commands, reads a file from a disk's partition, and ends. */
export async function useGrub(client: PvhClient, folder: string): Promise<void> {
  const { socket } = client;
  const image = join(folder, "disk.img");
  writeFileSync(image, diskImage());
  const created = await pvhctl(["create", config, `disk=["${image},raw,xvda,r"]`], { socket });
  expect(created.status, created.stderr).toBe(0);

  const { child, promise } = startPvhctl(["console", "grub"], { socket });
  let output = "";
  child.stdout?.on("data", (chunk: string) => {
    output += chunk;
  });
  const shows = (what: string) => waitFor(() => expect(withoutMovements(output)).toContain(what));
  const type = async (command: string, answer: string) => {
    output = "";
    child.stdin?.write(`${command}\r`);
    await shows(answer);
    await shows("grub> ");
  };
  await shows("grub> ");
  await type("ls", "(xen/xvda) (xen/xvda,msdos1)");
  await type("ls (xen/xvda,msdos1)/", "hello.txt");
  await type("cat (xen/xvda,msdos1)/hello.txt", text.trim());
  child.stdin?.write("halt\r");
  await waitFor(async () =>
    expect(await client.getDomain("grub")).toMatchObject({ state: "shutdown", exit: { reason: "poweroff" } }),
  );
  child.stdin?.end();
  expect((await promise).status).toBe(0);
}
