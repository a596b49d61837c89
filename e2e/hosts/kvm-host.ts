import { type KernelFlavour, kernel } from "./debian-packages.ts";
import { type EmulatedHost, startEmulatedHost } from "./emulated-host.ts";
import { type HostOptions, missingForHost } from "./host-description.ts";

/** An emulated host with kvm-amd. */
export type KvmHost = EmulatedHost;

/** Two virtual CPUs and 3072 MiB, unless told. */
export type KvmHostOptions = HostOptions;

/** AVX stays on: without it a Linux guest's /init dies of a bad signal frame. The rest breaks the SVM emulation. */
const cpuModel = "max,-la57,-smap,-smep,-pku,-umip,-rdtscp";
const commandLine = "console=ttyS0 panic=-1 mitigations=off nokaslr nowatchdog loglevel=5";

/** What keeps this machine from running the host, as a sentence that says what to do; undefined when nothing does. */
export function missingForKvmHost(
  flavours: readonly KernelFlavour[] = ["amd64", "cloud"],
): Promise<string | undefined> {
  return missingForHost([], async () => {
    for (const flavour of flavours) await kernel(flavour);
  });
}

/** Boots the host, about 10 s. Its QEMU ends with {@link KvmHost.stop} and, whatever happens, with this process. */
export function startKvmHost(options: KvmHostOptions = {}): Promise<KvmHost> {
  const { name = "kvm host", flavour = "amd64", memory = 3072, cpus = 1, bootTimeoutMs } = options;
  return startEmulatedHost({
    ...{ name, flavour, memory, cpus, bootTimeoutMs, cpuModel },
    modules: ["kvm_amd"],
    services: "",
    boot: async (_, { vmlinuz }) => ["-kernel", vmlinuz, "-initrd", "initramfs", "-append", commandLine],
  });
}
