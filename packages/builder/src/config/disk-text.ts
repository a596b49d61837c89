import type { DeviceProblem, DeviceText } from "./device.ts";
import { nearestWord } from "./nearest-word.ts";
import { shown } from "./shown.ts";

/** Options that are written `name=value`, by their names in the object form. `target=` is none of them. */
const valued = ["format", "vdev", "access", "devtype", "backend", "backendtype", "script", "specification"];

const flags: Readonly<Record<string, readonly [string, unknown]>> = {
  cdrom: ["devtype", "cdrom"],
  "direct-io-safe": ["direct_io_safe", true],
  discard: ["discard", true],
  "no-discard": ["discard", false],
  trusted: ["trusted", true],
  untrusted: ["trusted", false],
  // Whoever knows all options tells what is wrong with these.
  colo: ["colo", true],
  "no-colo": ["no-colo", true],
};

/** The order of parameters without a name. */
const positions = ["target", "format", "vdev", "access"] as const;

/** Prefixes of xend's times: those that named a format, a script, or nothing that matters now. */
const formatPrefix = /^(?:raw|qcow2?|vhd)$/;
const scriptPrefix = /^(?:iscsi|e?nbd|drbd)$/;
const idlePrefix = /^(?:tapdisk|tap2?|aio|ioemu|file|phy)$/;

const blanks = /[ \t\n]*/y;
const targetOption = /target=/y;
/** What follows decides: `file:/x` has a prefix, `hdc:cdrom` is a device and its type. */
const prefix = /([a-z][a-z0-9]*):/y;
const parameter = /[^,]*/y;

function at(pattern: RegExp, text: string, position: number): RegExpExecArray | undefined {
  pattern.lastIndex = position;
  return pattern.exec(text) ?? undefined;
}

/**
 * Reads a disk in xl's syntax (xl-disk-configuration(5), Xen 4.17): `TARGET,FORMAT,VDEV,ACCESS` and `NAME=VALUE` in any
 * order, `target=` last with all that follows, and the prefixes of old. An empty value is the default.
 */
export function readDiskText(text: string): DeviceText | { problem: DeviceProblem } {
  const spec = new DiskSpec();
  let next = 0;
  while (next < text.length) {
    next += at(blanks, text, next)?.[0].length ?? 0;
    if (at(targetOption, text, next) !== undefined) {
      const start = next + "target=".length;
      // As in xl, a comma at the very end separates and belongs to no target.
      const value = text.slice(start);
      spec.set("target", value.endsWith(",") ? value.slice(0, -1) : value, start);
      break;
    }
    const word = at(prefix, text, next)?.[1];
    if (word !== undefined && spec.takePrefix(word, text.charAt(next + word.length + 1), next)) {
      next += word.length + 1;
    } else {
      const part = at(parameter, text, next)?.[0] ?? "";
      if (part !== "" || next < text.length) spec.take(part, next);
      next += part.length + 1;
    }
    if (spec.problem !== undefined) return { problem: spec.problem };
  }
  return spec.result();
}

class DiskSpec {
  problem: DeviceProblem | undefined;
  readonly #values = new Map<string, unknown>();
  readonly #offsets = new Map<string, number>();
  #hasPrefix = false;

  /** Gives an option its value. One that is set already must have been empty. */
  set(option: string, value: unknown, offset: number): void {
    const earlier = this.#values.get(option);
    if (earlier !== undefined && earlier !== "") {
      this.#fail(
        option,
        offset,
        `${option} is given twice, ${spoken(earlier)} and ${spoken(value)}; keep one of them`,
        { found: spoken(value), allowed: `${option} once` },
      );
      return;
    }
    this.#values.set(option, value);
    this.#offsets.set(option, offset);
  }

  /** False when the word is no prefix but the beginning of a parameter. */
  takePrefix(word: string, follower: string, offset: number): boolean {
    if (formatPrefix.test(word)) this.set("format", word, offset);
    else if (scriptPrefix.test(word)) this.set("script", `block-${word}`, offset);
    else if (!idlePrefix.test(word)) {
      if (/[a-z0-9]/.test(follower)) return false;
      const sentence = `${word}: is no prefix of a target; leave it out, or write the target last as target=...`;
      this.#fail("target", offset, sentence, { found: `${word}:`, allowed: "a path" });
    }
    this.#hasPrefix = true;
    return true;
  }

  take(part: string, offset: number): void {
    const flag = Object.hasOwn(flags, part) ? flags[part] : undefined;
    if (flag !== undefined) {
      this.set(flag[0], flag[1], offset);
      return;
    }
    const equals = part.indexOf("=");
    if (equals < 0) this.#takePositional(part, offset);
    else this.#takeNamed(part.slice(0, equals), part.slice(equals + 1), offset, offset + equals + 1);
  }

  result(): DeviceText | { problem: DeviceProblem } {
    if (this.problem !== undefined) return { problem: this.problem };
    const target = this.#values.get("target") ?? "";
    if (target === "" && this.#values.get("devtype") === "cdrom") {
      return {
        problem: {
          code: "CONFIG_KEY_UNSUPPORTED",
          sentence:
            "it is a drive without a medium, and media cannot be changed yet; give it a target, or leave the disk out",
          option: "target",
          offset: this.#offsets.get("target"),
          found: "nothing",
          allowed: "the path of an image",
        },
      };
    }
    const given = [...this.#values].filter(([, value]) => value !== "");
    return { options: Object.fromEntries(given), offsets: this.#offsets };
  }

  #takeNamed(name: string, value: string, offset: number, valueOffset: number): void {
    if (valued.includes(name)) {
      this.set(name, value, valueOffset);
    } else if (/^[a-z][-_a-z0-9]*$/.test(name)) {
      this.set(name, value, offset);
    } else {
      const sentence = `${shown(`${name}=${value}`)} is no option; a target with = in it must come last, as target=...`;
      this.#fail("target", offset, sentence, {
        found: shown(`${name}=${value}`),
        allowed: "target=... at the end",
      });
    }
  }

  #takePositional(part: string, offset: number): void {
    const position = positions.find(
      (name) => !this.#values.has(name) && !(name === "format" && this.#hasPrefix),
    );
    if (position === undefined) {
      const near = nearestWord(part, [...Object.keys(flags), "format=", "vdev=", "access="]);
      const hint = near === undefined ? "" : `; did you mean ${near}?`;
      const allowed = positions.join(", ");
      this.#fail(
        "access",
        offset,
        `${shown(part)} is one value more than there are places (${allowed})${hint}`,
        { found: shown(part), allowed },
      );
      return;
    }
    const isEmptyDrive = position === "format" && this.#values.get("target") === "" && part.includes(":");
    if (isEmptyDrive) this.set("format", "empty", offset);
    if (position === "vdev" || isEmptyDrive) this.#takeVdev(part, offset);
    else this.set(position, part, offset);
  }

  /** `hdc`, or in the old way `hdc:cdrom`. */
  #takeVdev(part: string, offset: number): void {
    const colon = part.lastIndexOf(":");
    this.set("vdev", colon < 0 ? part : part.slice(0, colon), offset);
    if (colon >= 0) this.set("devtype", part.slice(colon + 1), offset + colon + 1);
  }

  #fail(option: string, offset: number, sentence: string, more: { found: string; allowed: string }): void {
    this.problem ??= { code: "CONFIG_INVALID", sentence, option, offset, ...more };
  }
}

function spoken(value: unknown): string {
  return typeof value === "boolean" ? (value ? "on" : "off") : shown(value);
}
