import type { GuestConfig } from "./guest-config.ts";

type WarnedKeys = Pick<GuestConfig, "cmdline" | "root" | "extra"> & Partial<Pick<GuestConfig, "vif">>;

/** What is legal but probably not meant, one sentence each, for whoever shows things to people. */
export function configWarnings(config: WarnedKeys): string[] {
  return [...commandLineWarnings(config), ...vifWarnings(config)];
}

function commandLineWarnings(config: WarnedKeys): string[] {
  if (config.cmdline === undefined) return [];
  const idle = (["root", "extra"] as const).filter((key) => config[key] !== undefined);
  if (idle.length === 0) return [];
  return [
    `${idle.join(" and ")} ${idle.length === 1 ? "has" : "have"} no effect, because cmdline is the whole command line`,
  ];
}

function vifWarnings({ vif = [] }: WarnedKeys): string[] {
  return vif.flatMap(({ model, ip }, index) => [
    ...(model === undefined
      ? []
      : [`vif[${index}]: model has no effect, because a PVH guest has no emulated network card`]),
    ...(ip === undefined
      ? []
      : [`vif[${index}]: ip is only told to who asks; no firewall keeps the guest to these addresses`]),
  ]);
}
