import type { GuestConfig } from "./guest-config.ts";

type CommandLineKeys = Pick<GuestConfig, "cmdline" | "root" | "extra">;

/** The command line that the kernel gets: `cmdline`, else `root=ROOT EXTRA` of what is there. */
export function commandLine({ cmdline, root, extra }: CommandLineKeys): string {
  if (cmdline !== undefined) return cmdline;
  return [root === undefined ? undefined : `root=${root}`, extra]
    .filter((part) => part !== undefined)
    .join(" ");
}
