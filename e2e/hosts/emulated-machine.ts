import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { Duplex } from "node:stream";

/** QEMU's process and the ends of its lines to us. It ends with {@link kill} and, whatever happens, with this process. */
export interface EmulatedMachine {
  /** The virtio-serial ports that agent.sh looks for. */
  agent: Duplex;
  output: Duplex;
  /** Its second serial port: ttyS1. */
  terminal: Duplex;
  /** What came from its first serial port so far. */
  consoleLines: readonly string[];
  /** Resolves when QEMU ended: with what it complained about, and the console's last lines. */
  ended: Promise<string>;
  kill(): Promise<void>;
}

export interface MachineOptions {
  /** MiB. */
  memory: number;
  cpus: number;
  cpuModel: string;
  /** QEMU's arguments that say what boots; paths are relative to `dir`. */
  boot: readonly string[];
  dir: string;
  /** Called with each line of the console. */
  onConsoleLine(line: string): void;
}

export const qemu = "qemu-system-x86_64";

export function startMachine(options: MachineOptions): EmulatedMachine {
  const { memory, cpus, cpuModel, boot, dir, onConsoleLine } = options;
  const child = spawn(
    qemu,
    [
      ...["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"],
      // Not this machine's /dev/kvm: what it may offer need not be hardware virtualisation, and has no SVM to nest.
      ...["-accel", "tcg,thread=multi", "-cpu", cpuModel, "-smp", String(cpus), "-m", String(memory)],
      ...["-machine", "q35", ...boot],
      ...["-fsdev", "local,id=root,path=/,security_model=none,readonly=on,multidevs=remap"],
      ...["-device", "virtio-9p-pci,fsdev=root,mount_tag=root"],
      // Ends of socket pairs that spawn makes: no paths, no ports.
      ...["-chardev", "socket,id=console,fd=3", "-serial", "chardev:console"],
      ...["-chardev", "socket,id=terminal,fd=6", "-serial", "chardev:terminal"],
      ...["-chardev", "socket,id=agent,fd=4", "-device", "virtio-serial-pci"],
      ...["-device", "virtserialport,chardev=agent,name=agent"],
      ...["-chardev", "socket,id=output,fd=5", "-device", "virtserialport,chardev=output,name=output"],
    ],
    { cwd: dir, stdio: ["ignore", "ignore", "pipe", "pipe", "pipe", "pipe", "pipe"] },
  );
  const killWithUs = () => child.kill("SIGKILL");
  process.once("exit", killWithUs);

  const consoleLines: string[] = [];
  const lines = createInterface({ input: socket(child, 3) }).on("error", () => {});
  lines.on("line", (line) => {
    consoleLines.push(line);
    onConsoleLine(line);
  });
  let complaints = "";
  child.stderr?.on("data", (chunk) => {
    complaints += chunk;
  });
  const ended = new Promise<string>((resolve) => {
    const end = () =>
      resolve(`${complaints}--- its last console lines\n${consoleLines.slice(-20).join("\n")}`);
    child.once("error", end);
    child.once("close", end);
  });

  return {
    agent: socket(child, 4),
    output: socket(child, 5),
    terminal: socket(child, 6),
    consoleLines,
    ended,
    async kill() {
      child.kill("SIGKILL");
      await ended;
      process.off("exit", killWithUs);
    },
  };
}

/** Its errors say that QEMU ended, which `ended` tells as well. */
function socket(child: ChildProcess, fd: number): Duplex {
  const stream = child.stdio[fd];
  if (!(stream instanceof Duplex)) throw new Error(`QEMU has no pipe at descriptor ${fd}.`);
  return stream.on("error", () => {});
}
