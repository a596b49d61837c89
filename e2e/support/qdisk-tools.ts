import { execFile } from "node:child_process";
import { accessSync, constants, readdirSync, readFileSync } from "node:fs";
import { promisify } from "node:util";

/** For suites of disks that QEMU serves. */

const execute = promisify(execFile);

const needed = [
  { program: "/usr/libexec/xen-qemu-system-i386", debianPackage: "qemu-system-xen" },
  { program: "/usr/bin/qemu-img", debianPackage: "qemu-utils" },
];

/** Why there are no such disks here, or undefined when there are. */
export function missingForQdisks(): string | undefined {
  const packages = needed.filter(({ program }) => !isProgram(program)).map((one) => one.debianPackage);
  if (packages.length === 0) return undefined;
  return `QEMU's parts for Xen are not installed: apt-get install ${packages.join(" ")}`;
}

/** @param options of qemu-img: `-f raw -O qcow2` */
export async function convertImage(from: string, to: string, ...options: string[]): Promise<void> {
  await execute("qemu-img", ["convert", ...options, from, to]);
}

/** @throws when the image is damaged, or has clusters that nobody uses */
export async function checkImage(path: string, format: string): Promise<void> {
  await execute("qemu-img", ["check", "-q", "-f", format, path]);
}

/** The processes of QEMU that serve disks. */
export function qemuProcesses(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^[0-9]+$/.test(name) && commandLine(name).includes("-xen-domid"))
    .map(Number);
}

function commandLine(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    return [];
  }
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
