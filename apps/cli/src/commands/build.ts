import { ftruncateSync, writeFileSync } from "node:fs";
import {
  chooseBootInterface,
  choosePlatform,
  describeImage,
  imageSpan,
  imageToJson,
  planDomain,
  writeImage,
} from "@pvh/builder";
import { readKernel, readRamdisk } from "@pvh/kvm";
import { readGuestConfig } from "../files.ts";
import { print } from "../output.ts";
import { writeAll, writeOutput } from "../write-output.ts";

/** Writes OUT (guest-physical memory; file offset = gpa, sparse) and OUT.json (layout, memory map, vCPU state). */
export async function build(file: string, overrides: string[], { out }: { out: string }): Promise<void> {
  const config = readGuestConfig(file, overrides);
  const kernel = readKernel(config.kernel);
  const ramdisk =
    config.ramdisk === undefined ? undefined : readRamdisk(config.ramdisk, config.memory * 2 ** 20);
  const bootInterface = chooseBootInterface(config, kernel);
  const image = planDomain({
    config,
    kernel,
    ...(ramdisk === undefined ? {} : { ramdisk }),
    platform: choosePlatform(config, kernel, bootInterface, { trapsVmcall: false }),
    hypercallTrap: { kind: "vmcall" },
  });
  const description = `${JSON.stringify(imageToJson(image), null, 2)}\n`;
  const inputs = [file, config.kernel, ...(config.ramdisk === undefined ? [] : [config.ramdisk])];
  writeOutput(out, inputs, (fd) => {
    writeImage(image, { write: (gpa, bytes) => writeAll(fd, bytes, gpa) });
    ftruncateSync(fd, imageSpan(image));
  });
  writeOutput(`${out}.json`, inputs, (fd) => writeFileSync(fd, description));
  print(`${describeImage(image)}\n\nwritten: ${out} (offset = guest-physical address), ${out}.json`);
}
