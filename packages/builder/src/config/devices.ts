import type { Parsed } from "./device-problem.ts";
import { readDisk } from "./disk.ts";
import { shown } from "./shown.ts";
import type { ConfigProblem, RawConfig } from "./validate.ts";
import { readVif } from "./vif.ts";

/** Keys whose values are lists of devices, each a text as xl has it or the object that it stands for. */
const readers: Record<string, (text: string) => Parsed<unknown>> = { disk: readDisk, vif: readVif };

/** Puts objects in the place of devices' texts. What cannot be read is a problem, and its list is left out. */
export function readDevices(raw: RawConfig): { config: RawConfig; problems: ConfigProblem[] } {
  const config = { ...raw };
  const problems: ConfigProblem[] = [];
  for (const [key, read] of Object.entries(readers)) {
    const list = raw[key];
    if (!Array.isArray(list)) continue;
    const devices: unknown[] = [];
    list.forEach((item: unknown, i) => {
      const parsed = typeof item === "string" ? read(item) : { device: item };
      if ("device" in parsed) devices.push(parsed.device);
      else {
        const { code, sentence, found, allowed } = parsed.problem;
        problems.push({
          code,
          key,
          about: "value",
          sentence: `${key} ${i + 1}, ${shown(item)}: ${sentence}`,
          found,
          allowed,
        });
      }
    });
    config[key] = devices;
  }
  return { config, problems };
}
