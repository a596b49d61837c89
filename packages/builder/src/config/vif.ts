import { z } from "zod";
import { type DeviceProblem, deviceOrThrow, invalid, type Parsed, unsupported } from "./device-problem.ts";
import { normalMac } from "./mac.ts";

/** Names of interfaces and bridges on Linux: IFNAMSIZ is 16 with its NUL. */
const interfaceName = /^[^\s/:]{1,15}$/;
const name = z.string().regex(interfaceName);

/** A network interface as it is after validation. Names of options are xl's (xl-network-configuration(5)). */
export const VifConfig = z.strictObject({
  mac: z
    .string()
    .refine((text) => normalMac(text) === text)
    .optional()
    .describe("Address in the guest. Default: made from the domain's uuid, and the same each time."),
  bridge: name.optional().describe("Bridge of the host. Default: xenbr0 if there is one, else none."),
  vifname: name.optional().describe("Name of the interface on the host. Default: vifDOMID.DEVID."),
  mtu: z.int().min(68).max(65535).optional().describe("Bytes. Default: the bridge's."),
  devid: z
    .int()
    .min(0)
    .max(255)
    .optional()
    .describe("Number of the interface. Default: the first that is free."),
});
export type VifConfig = z.output<typeof VifConfig>;

const refusedOptions: Record<string, string> = {
  rate: "limits are not implemented yet",
  script: "runs a script of Xen's hotplug system, which does not exist here",
  backend: "names a driver domain, of which there are none here",
  gatewaydev: "belongs to routed networks, which are not set up here",
  ip: "is for firewall scripts, which are not run here",
  netdev: "belongs to gatewaydev",
  forwarddev: "belongs to COLO, which does not exist here",
};

/** Reads xl's text of an interface: `key=value` separated by commas; empty is an interface with every default. */
export function readVif(text: string): Parsed<VifConfig> {
  const device: VifConfig = {};
  for (const word of text.split(",").map((part) => part.trim())) {
    if (word === "") continue;
    const [, key = "", value = ""] = /^([a-z_-]+)\s*=\s*(.*)$/s.exec(word) ?? [];
    const problem = takeOption(device, word, key, value);
    if (problem !== undefined) return problem;
  }
  return { device };
}

/** The same for one interface from elsewhere than a config. */
export function parseVif(text: string): VifConfig {
  return deviceOrThrow("vif", readVif(text));
}

function takeOption(
  device: VifConfig,
  word: string,
  key: string,
  value: string,
): { problem: DeviceProblem } | undefined {
  const why = refusedOptions[key];
  if (why !== undefined) return unsupported(`${key}=`, why, "an interface without it");
  switch (key) {
    case "mac": {
      const mac = normalMac(value);
      if (mac === undefined)
        return invalid(
          value,
          "the mac of an interface",
          "six bytes like 00:16:3e:01:02:03, no group address",
        );
      device.mac = mac;
      return undefined;
    }
    case "bridge":
    case "vifname":
      if (!interfaceName.test(value))
        return invalid(value, `the ${key} of an interface`, "a name of 1 to 15 characters");
      device[key] = value;
      return undefined;
    case "mtu":
    case "devid": {
      const number = /^[0-9]{1,5}$/.test(value) ? Number(value) : -1;
      const right = key === "mtu" ? number >= 68 && number <= 65535 : number >= 0 && number <= 255;
      if (!right)
        return invalid(value, `the ${key} of an interface`, key === "mtu" ? "68 to 65535" : "0 to 255");
      device[key] = number;
      return undefined;
    }
    case "type":
      if (value === "vif") return undefined;
      return unsupported(
        `type=${value}`,
        "is an emulated device, which PVH guests do not have",
        "type=vif, or leave it out",
      );
    // Only for emulated devices; xl ignores it as well.
    case "model":
    case "trusted":
      return undefined;
    default:
      return invalid(word, "an option of an interface", "mac=, bridge=, vifname=, mtu= or devid=");
  }
}
