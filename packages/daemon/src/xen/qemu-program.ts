import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { promisify } from "node:util";
import { PvhError } from "@pvh/errors";

/** Where libxl has it: Debian, Xen's own installation with and without a prefix, Fedora. All of it is for Xen. */
const FOR_XEN = [
  "/usr/libexec/xen-qemu-system-i386",
  "/usr/lib/xen/bin/qemu-system-i386",
  "/usr/local/lib/xen/bin/qemu-system-i386",
  "/usr/libexec/xen/bin/qemu-system-i386",
];
/** Where other distributions have libxl look, and where it may be one that knows nothing of Xen. */
const GENERAL = ["/usr/bin/qemu-system-i386", "/usr/bin/qemu-system-x86_64"];
const ANSWER_MS = 30_000;

export interface QemuPlaces {
  forXen: readonly string[];
  general: readonly string[];
}

/**
 * The QEMU that xl would take.
 *
 * @param chosen of the guest's config
 * @param target of the disk that needs it, for the message
 * @throws PvhError HOST_UNSUPPORTED when there is none, FILE_UNREADABLE when the chosen one is none
 */
export async function requireQemu(
  chosen: string | undefined,
  target: string,
  { forXen, general }: QemuPlaces = { forXen: FOR_XEN, general: GENERAL },
): Promise<string> {
  if (chosen !== undefined) {
    if (await isProgram(chosen)) return chosen;
    throw new PvhError(
      "FILE_UNREADABLE",
      `device_model_override: ${chosen} is no program; give the path of a QEMU with support for Xen, or leave it out.`,
      { field: "device_model_override", found: chosen, allowed: "the path of a program" },
    );
  }
  for (const path of forXen) if (await isProgram(path)) return path;
  for (const path of general) if ((await isProgram(path)) && (await knowsXen(path))) return path;
  throw new PvhError(
    "HOST_UNSUPPORTED",
    `disk: ${target} has to be served by QEMU, and this host has none with support for Xen: install it (on Debian: apt-get install qemu-system-xen), name it in device_model_override, or convert the image with qemu-img convert -O raw.`,
    { field: "disk", found: "no QEMU for Xen", allowed: "a QEMU with support for Xen" },
  );
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

async function knowsXen(program: string): Promise<boolean> {
  try {
    const { stdout } = await promisify(execFile)(program, ["-machine", "help"], { timeout: ANSWER_MS });
    return /^xenpv\s/m.test(stdout);
  } catch {
    return false;
  }
}
