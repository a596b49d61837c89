import { z } from "zod";
import { type DeviceKind, decodeDevices, type Report, requireDevice } from "./device.ts";
import { describedKeys, key, refuse, text } from "./key.ts";
import { canonicalMac, uselessMac } from "./mac.ts";
import { parseRate } from "./rate.ts";
import { shown } from "./shown.ts";
import { readVifText } from "./vif-text.ts";

export const MAX_VIFS = 64;
const MAX_DEVID = 255;
/** The least that IPv4 allows, and the most that an Ethernet interface of Linux takes. */
const MTU = { min: 68, max: 65521 };

/** Names that Linux takes for a network interface. A percent sign would be a pattern. */
const interfaceName = /^(?!\.{1,2}$)[!-$&-.0-9;-~]{1,15}$/;
const interfaceNameAllowed = "1 to 15 visible ASCII characters without / : and %";
const name = () => z.string().regex(interfaceName);

/** Addresses as firewall tools take them, several with blanks between. */
const ipv4 = /^(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}(?:\/(?:3[0-2]|[12]?\d))?$/;
const ipv6 = /^(?=[^/]*:[^/]*:)[0-9a-fA-F:.]{2,45}(?:\/(?:12[0-8]|1[01]\d|\d?\d))?$/;

const shape = {
  mac: key(
    z
      .string()
      .refine((value) => canonicalMac(value) !== undefined, { abort: true })
      .overwrite((value) => canonicalMac(value) ?? value)
      .superRefine((mac, ctx) => {
        const why = uselessMac(mac);
        if (why === undefined) return;
        refuse(
          ctx,
          [],
          `mac is ${shown(mac)}, ${why}; choose one for an interface, such as 00:16:3e:00:00:01`,
          {
            code: "CONFIG_INVALID",
            allowed: "the address of one interface: its first byte is even",
          },
        );
      })
      .optional(),
    {
      type: "string",
      meaning: "Ethernet address of the interface in the guest.",
      allowed: "six bytes in hexadecimal with colons between, such as 00:16:3e:00:00:01",
      absent:
        "00:16:3e and three bytes that follow from the domain's uuid and `devid`, the same at every start",
    },
  ),
  bridge: key(name().optional(), {
    type: "string",
    meaning: "The host's bridge that the interface is attached to.",
    allowed: `the name of a bridge: ${interfaceNameAllowed}`,
    absent: "`xenbr0` if the host has it, else none",
  }),
  vifname: key(name().optional(), {
    type: "string",
    meaning: "Name of the interface on the host.",
    allowed: interfaceNameAllowed,
    absent: "`vifDOMID.DEVID`",
  }),
  ip: key(
    z
      .string()
      .max(1024)
      .refine((value) => value.split(" ").every((address) => ipv4.test(address) || ipv6.test(address)))
      .optional(),
    {
      type: "string",
      meaning:
        "Addresses of the guest, for whoever reads them in the store. No firewall rule is made of them, as xl's script does.",
      allowed: "one or more IPv4 or IPv6 addresses with single blanks between",
      absent: "none",
    },
  ),
  rate: key(
    z
      .string()
      .refine((value) => parseRate(value) !== undefined)
      .optional(),
    {
      type: "string",
      meaning:
        "Most that the guest may send: `b` is bits and `B` bytes, with K, M or G before it; behind `@` how often the credit is renewed, 50 ms when it is left out.",
      allowed: "a rate such as 10Mb/s, 250KB/s or 1MB/s@20ms (units of the interval: s, ms, us)",
      absent: "no limit",
    },
  ),
  mtu: key(z.int().min(MTU.min).max(MTU.max).optional(), {
    type: "integer",
    meaning: "Largest packet in bytes, without the Ethernet header.",
    allowed: `a whole number from ${MTU.min} to ${MTU.max}`,
    absent: "1500",
  }),
  devid: key(z.int().min(0).max(MAX_DEVID).optional(), {
    type: "integer",
    meaning: "Number of the interface in the guest.",
    allowed: `a whole number from 0 to ${MAX_DEVID}`,
    absent: "the lowest that is free",
  }),
  trusted: key(z.boolean().optional(), {
    type: "boolean",
    meaning: "What the guest is told about its back end. In a text the flags `trusted` and `untrusted`.",
    allowed: "true or false",
    absent: "true",
  }),
  model: key(text(0, 64).optional(), {
    type: "string",
    meaning:
      "Has no effect: it chooses an emulated card, and PVH guests have none. Other tools write it everywhere.",
    allowed: "a text of at most 64 characters",
    absent: "nothing",
  }),
  type: key(
    z
      .string()
      .optional()
      .superRefine((value, ctx) => {
        if (value === undefined || value === "vif") return;
        const emulated = value === "ioemu";
        refuse(
          ctx,
          [],
          emulated
            ? 'type is "ioemu", an emulated card, and PVH guests have none; leave it out or set it to "vif"'
            : `type is ${shown(value)}; it must be "vif"`,
          { code: emulated ? "CONFIG_KEY_UNSUPPORTED" : "CONFIG_INVALID", allowed: '"vif"' },
        );
      })
      .meta({ enum: ["vif"] }),
    {
      type: "string",
      meaning: "Kind of interface.",
      allowed: '"vif"',
      values: ["vif"],
      absent: "the one that there is",
    },
  ),
  script: key(
    z
      .string()
      .optional()
      .superRefine((value, ctx) => {
        if (value === undefined || /^(?:.*\/)?vif-bridge$/.test(value)) return;
        refuse(
          ctx,
          [],
          `script is ${shown(value)}, but no hotplug scripts are run: the interface is attached to its bridge as vif-bridge does it; leave it out`,
          { code: "CONFIG_KEY_UNSUPPORTED", allowed: "vif-bridge, or no script" },
        );
      }),
    {
      type: "string",
      meaning: "No script is run. What xl's default script does is done without it, so its name is taken.",
      allowed: '"vif-bridge"',
      absent: "nothing",
    },
  ),
};

/** A network interface as a client may write it. */
export const VifOptions = z.strictObject(shape);

const { type, script, ...kept } = shape;

/** A network interface of a guest. What is absent is for the host to choose; in a config `devid` never is. */
export const VifConfig = z.strictObject(kept);
export type VifConfig = z.output<typeof VifConfig>;

const replication = "replication for COLO is not implemented; leave it out";
const routed = "interfaces are attached to a bridge and never routed; leave it out";

export const vifKind: DeviceKind<typeof VifOptions> = {
  name: "vif",
  options: VifOptions,
  keys: describedKeys(shape),
  foreign: {
    backend: "every back end is in the guest's own process, there are no driver domains; leave it out",
    gatewaydev: routed,
    netdev: routed,
    accel: "xl has no use for it either; leave it out",
    vlan: "the bridge's own tools put a port into a VLAN; leave it out",
    forwarddev: replication,
  },
  readText: readVifText,
};

/**
 * One network interface, in xl's syntax or as an object of options. Without `devid` it is for the domain to choose.
 *
 * @throws PvhError CONFIG_INVALID or CONFIG_KEY_UNSUPPORTED, with field `vif` or `vif.OPTION`
 */
export function parseVif(input: unknown): VifConfig {
  return complete(requireDevice(vifKind, input));
}

/** Without what has no meaning beyond being right. */
function complete({ type, script, ...vif }: z.output<typeof VifOptions>): VifConfig {
  return vif;
}

const forms = z.union([z.string(), VifOptions]);

/** The schema of `vif`. */
export const vifList = z.codec(z.array(forms).max(MAX_VIFS), z.array(VifConfig), {
  decode: decodeDevices(vifKind, (vifs, report) => {
    for (const option of ["devid", "mac", "vifname"] as const) {
      refuseSame(
        option,
        vifs.map((vif) => vif[option]),
        report,
      );
    }
    return withDevids(vifs.map(complete));
  }),
  encode: (vifs) => vifs,
});

/** Gives each the lowest number that is free, as xl does. */
function withDevids(vifs: VifConfig[]): VifConfig[] {
  const taken = new Set(vifs.map(({ devid }) => devid));
  let free = 0;
  return vifs.map((vif) => {
    if (vif.devid !== undefined) return vif;
    while (taken.has(free)) free += 1;
    taken.add(free);
    return { ...vif, devid: free };
  });
}

function refuseSame(option: string, values: (string | number | undefined)[], report: Report): void {
  const holders = new Map<string | number, number>();
  for (const [index, value] of values.entries()) {
    if (value === undefined) continue;
    const holder = holders.get(value);
    holders.set(value, holder ?? index);
    if (holder === undefined) continue;
    report(index, option, `${option} is ${shown(value)}, the same as that of vif[${holder}]`, {
      code: "CONFIG_INVALID",
      allowed: `another ${option} for each vif`,
    });
  }
}
