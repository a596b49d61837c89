import { closeSync, ftruncateSync, openSync, renameSync, rmSync, writeFileSync, writeSync } from "node:fs";
import {
  chooseBootInterface,
  choosePlatform,
  type DomainImage,
  describeImage,
  imageSpan,
  imageToJson,
  inspectKernel,
  planDomain,
  unpackKernel,
  unpackRamdisk,
  writeImage,
} from "@pvh/builder";
import { PvhError } from "@pvh/errors";
import { KERNEL_FILE_LIMIT, readInputFile } from "@pvh/kvm";
import { readGuestConfig } from "../files.ts";
import { print } from "../output.ts";

/** Writes OUT (guest-physical memory; file offset = gpa, sparse) and OUT.json (layout, memory map, vCPU state). */
export async function build(file: string, overrides: string[], { out }: { out: string }): Promise<void> {
  const config = readGuestConfig(file, overrides);
  const kernel = inspectKernel(unpackKernel(readInputFile("kernel", config.kernel, KERNEL_FILE_LIMIT)));
  const ramdisk =
    config.ramdisk === undefined
      ? undefined
      : unpackRamdisk(readInputFile("ramdisk", config.ramdisk, config.memory * 2 ** 20));
  const bootInterface = chooseBootInterface(config, kernel);
  const image = planDomain({
    config,
    kernel,
    ...(ramdisk === undefined ? {} : { ramdisk }),
    platform: choosePlatform(config, kernel, bootInterface, { trapsVmcall: false }),
    hypercallTrap: { kind: "vmcall" },
  });
  writeImageFile(image, out);
  writeFileSync(`${out}.json`, `${JSON.stringify(imageToJson(image), null, 2)}\n`);
  print(`${describeImage(image)}\n\nwritten: ${out} (offset = guest-physical address), ${out}.json`);
}

function writeImageFile(image: DomainImage, path: string): void {
  const partial = `${path}.partial`;
  try {
    const fd = openSync(partial, "w");
    try {
      writeImage(image, { write: (gpa, bytes) => writeAll(fd, bytes, gpa) });
      ftruncateSync(fd, imageSpan(image));
    } finally {
      closeSync(fd);
    }
    renameSync(partial, path);
  } catch (error) {
    rmSync(partial, { force: true });
    const reason = error instanceof Error ? error.message : String(error);
    throw new PvhError("FILE_UNWRITABLE", `out: ${path} cannot be written: ${reason}.`, {
      field: "out",
      cause: error,
    });
  }
}

function writeAll(fd: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(fd, bytes, done, bytes.length - done, position + done);
  }
}
