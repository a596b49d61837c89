import type { DeviceProblem, DeviceText } from "./device.ts";
import { shown } from "./shown.ts";

const numbers = new Set(["devid", "mtu"]);
/** Old names. */
const aliases: Readonly<Record<string, string>> = { netdev: "gatewaydev" };

/**
 * Reads a vif in xl's syntax (xl-network-configuration(5), Xen 4.17): `NAME=VALUE` and flags, separated by commas, in
 * any order. The empty text is an interface with all defaults.
 */
export function readVifText(text: string): DeviceText | { problem: DeviceProblem } {
  const options = new Map<string, unknown>();
  const offsets = new Map<string, number>();
  let next = 0;
  for (const raw of text.split(",")) {
    const part = raw.trimStart();
    const start = next + raw.length - part.length;
    next += raw.length + 1;
    if (part === "") continue;
    const equals = part.indexOf("=");
    const word = equals < 0 ? part : part.slice(0, equals);
    const isFlag = word === "trusted" || word === "untrusted";
    if (equals < 0 && !isFlag) {
      const found = shown(part);
      const allowed = "NAME=VALUE, trusted or untrusted";
      const sentence = `${found} is no option; options are ${allowed}`;
      return { problem: { code: "CONFIG_INVALID", sentence, offset: start, found, allowed } };
    }
    const option = isFlag ? "trusted" : (Object.hasOwn(aliases, word) && aliases[word]) || word;
    if (options.has(option)) {
      const found = shown(part);
      const sentence = `${option} is given twice; keep one of them`;
      return {
        problem: {
          code: "CONFIG_INVALID",
          sentence,
          option,
          offset: start,
          found,
          allowed: `${option} once`,
        },
      };
    }
    options.set(option, isFlag ? word === "trusted" : optionValue(option, part.slice(equals + 1)));
    offsets.set(option, equals < 0 ? start : start + equals + 1);
  }
  return { options: Object.fromEntries(options), offsets };
}

function optionValue(option: string, text: string): unknown {
  return numbers.has(option) && /^[0-9]{1,9}$/.test(text) ? Number(text) : text;
}
