import type { GuestConfig } from "./guest-config.ts";

type CommandLineKeys = Pick<GuestConfig, "cmdline" | "root" | "extra">;

/** The command line that the kernel gets: `cmdline`, else `root=ROOT EXTRA` of what is there. */
export function commandLine({ cmdline, root, extra }: CommandLineKeys): string {
  if (cmdline !== undefined) return cmdline;
  return [root === undefined ? undefined : `root=${root}`, extra]
    .filter((part) => part !== undefined)
    .join(" ");
}

/** What is legal but probably not meant, one sentence each, for whoever shows things to people. */
export function configWarnings(config: CommandLineKeys): string[] {
  if (config.cmdline === undefined) return [];
  const idle = (["root", "extra"] as const).filter((key) => config[key] !== undefined);
  if (idle.length === 0) return [];
  return [
    `${idle.join(" and ")} ${idle.length === 1 ? "has" : "have"} no effect, because cmdline is the whole command line`,
  ];
}
