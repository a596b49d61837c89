import { inspectKernel, planDomain, unpackKernel, validateGuestConfig } from "@pvh/builder";
import { debianKernel, interleaved, quantile } from "./measure.ts";

/** Reading and laying out a kernel that is already unpacked; nothing is copied. */
export async function benchPlan(): Promise<string[]> {
  const unpacked = unpackKernel(debianKernel("amd64"));
  const config = validateGuestConfig({ name: "bench", type: "pvh", kernel: "/vmlinuz", memory: 512 });
  const ramdisk = new Uint8Array(16 * 2 ** 20);
  const times = await interleaved(2000, {
    plan: () =>
      planDomain({
        config,
        kernel: inspectKernel(unpacked),
        ramdisk,
        platform: "bare",
        hypercallTrap: { kind: "vmcall" },
      }),
  });
  const [p50, p99] = [0.5, 0.99].map((q) => quantile(times.plan, q).toFixed(3));
  const copied = await interleaved(9, { copy: () => new Uint8Array(unpacked.elf.length).set(unpacked.elf) });
  return [
    `inspect + plan of a ${(unpacked.elf.length / 2 ** 20).toFixed(0)} MiB kernel, 512 MiB guest: p50 ${p50} ms, p99 ${p99} ms, the first time ${times.plan[0]?.toFixed(1)} ms; one copy of the kernel alone: ${quantile(copied.copy, 0.5).toFixed(1)} ms`,
  ];
}
