import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ramdiskPath } from "../guests/build.ts";
import { commandLine, ramdiskBytes } from "../guests/payload.ts";
import { type Finished, pvhctl, withFolder } from "./programs.ts";

export interface GuestSettings {
  kernel: string;
  uuid?: string;
  /** MiB; default 16. */
  memory?: number;
  /** MiB */
  maxmem?: number;
  vcpus?: number;
  cmdline?: string;
  ramdisk?: string;
  pvh_abi?: "classic" | "direct";
  platform?: "auto" | "xen" | "bare";
}

/** The guest config file that says so; texts are quoted as xl.cfg wants them. */
export function guestConfigText(settings: GuestSettings): string {
  const keys = { name: "test", type: "pvh", memory: 16, ...settings };
  const lines = Object.entries(keys).map(([key, value]) => {
    const text = typeof value === "string" ? `"${value.replace(/[\\"]/g, "\\$&")}"` : String(value);
    return `${key} = ${text}`;
  });
  return `${lines.join("\n")}\n`;
}

/** Settings of an entry guest that promise what they give. */
export function entryGuestSettings(
  kernel: string,
  { words, memory = 64 }: { words?: string; memory?: number } = {},
): GuestSettings & { memory: number } {
  const more = words === undefined ? {} : { words };
  return {
    kernel,
    memory,
    ramdisk: ramdiskPath,
    cmdline: commandLine({ memory, ramdisk: ramdiskBytes(), ...more }),
  };
}

/** A config file that says so, with further lines of xl.cfg, in a folder of its own. */
export function withConfig<T>(
  settings: GuestSettings,
  use: (config: string, folder: string) => Promise<T>,
  lines: string[] = [],
): Promise<T> {
  return withFolder("pvhctl", async (folder) => {
    const config = join(folder, "guest.cfg");
    writeFileSync(config, `${guestConfigText(settings)}${lines.map((line) => `${line}\n`).join("")}`);
    return use(config, folder);
  });
}

/** `pvhctl run` of a guest with these settings and further lines of xl.cfg. */
export function runGuest(
  settings: GuestSettings,
  { input, lines }: { input?: string; lines?: string[] } = {},
): Promise<Finished> {
  return withConfig(
    settings,
    (config) => pvhctl(["run", config], input === undefined ? {} : { input }),
    lines,
  );
}

/** The names of the promises that a guest of `e2e/guests` found broken, in order. */
export function failedChecks(output: string): string[] {
  return [...output.matchAll(/^FAIL - ([\w-]+):/gm)].map((match) => match[1] ?? "");
}

/** How many promises it found kept; undefined when its verdict was not PASS. */
export function passedChecks(output: string): number | undefined {
  const match = /^VERDICT PASS (\d+) checks$/m.exec(output);
  return match === null ? undefined : Number(match[1]);
}
