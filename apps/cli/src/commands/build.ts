import {
  closeSync,
  ftruncateSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import {
  chooseBootInterface,
  choosePlatform,
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
  const description = `${JSON.stringify(imageToJson(image), null, 2)}\n`;
  writeOutput(out, (fd) => {
    writeImage(image, { write: (gpa, bytes) => writeAll(fd, bytes, gpa) });
    ftruncateSync(fd, imageSpan(image));
  });
  writeOutput(`${out}.json`, (fd) => writeFileSync(fd, description));
  print(`${describeImage(image)}\n\nwritten: ${out} (offset = guest-physical address), ${out}.json`);
}

/** Whole or not at all: written beside and renamed. What is no regular file, such as a device, is never replaced. */
function writeOutput(path: string, write: (fd: number) => void): void {
  const partial = `${path}.partial`;
  try {
    if (statSync(path, { throwIfNoEntry: false })?.isFile() === false) {
      throw new Error("it is there, but not a regular file");
    }
    const fd = openSync(partial, "w");
    try {
      write(fd);
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

/** Bytes of one write: more than 2 GiB do not fit into the call's length. */
const WRITE_SIZE = 2 ** 30;

function writeAll(fd: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(fd, bytes, done, Math.min(bytes.length - done, WRITE_SIZE), position + done);
  }
}
