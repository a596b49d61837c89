import { inspectKernel, planDomain, segments, unpackKernel, validateGuestConfig } from "@pvh/builder";
import { compare, debianKernel, interleaved } from "./measure.ts";

/** Writing an image into memory, against one plain copy of as many bytes. */
export async function benchPlace(): Promise<string[]> {
  const unpacked = unpackKernel(debianKernel("amd64"));
  const config = validateGuestConfig({ name: "bench", type: "pvh", kernel: "/vmlinuz", memory: 512 });
  const image = planDomain({
    config,
    kernel: inspectKernel(unpacked),
    ramdisk: new Uint8Array(16 * 2 ** 20).fill(7),
    platform: "bare",
    hypercallTrap: { kind: "vmcall" },
  });
  let total = 0;
  for (const { bytes } of segments(image)) total += bytes.length;
  const source = new Uint8Array(total).fill(1);
  // Both targets are touched once before, so that neither pays for the host's page faults.
  const memory = new Uint8Array(image.memory).fill(1);
  const target = new Uint8Array(total).fill(1);
  const times = await interleaved(31, {
    place: () => {
      for (const { gpa, bytes } of segments(image)) memory.set(bytes, gpa);
    },
    copy: () => target.set(source),
  });
  return [compare(`placing ${(total / 2 ** 20).toFixed(1)} MiB`, times.place, "plain copy", times.copy)];
}
