import { z } from "zod";
import { DiskConfig } from "./disk.ts";
import { shown } from "./shown.ts";
import { vdevNumber } from "./vdev.ts";
import { VifConfig } from "./vif.ts";

/** What people and programs need to know about a key beyond its schema. */
export interface KeyInfo {
  /** How the value is written in xl.cfg. A JSON body takes the JSON type of the same name. */
  readonly type: "string" | "integer" | "boolean" | "list";
  readonly meaning: string;
  /** Completes "it must be ...". */
  readonly allowed: string;
  /** The words that are accepted, where there are only some. */
  readonly values?: readonly string[];
  /** What an absent key without a fixed default means. */
  readonly absent?: string;
}

const keyInfos = z.registry<KeyInfo>();

function key<Schema extends z.ZodType>(schema: Schema, info: KeyInfo): Schema {
  const described = schema.describe(info.meaning);
  keyInfos.add(described, info);
  return described;
}

/** MiB; 16 TiB. */
const MAX_MEMORY = 16 * 1024 * 1024;
/** As in libxl for HVM containers. */
const MAX_VCPUS = 128;
/** vCPUs whose vcpu_info stands in shared_info, where a guest finds it that knows no other place. */
const SUPPORTED_VCPUS = 32;
/** Linux's PATH_MAX without the NUL. */
const MAX_PATH = 4095;
/** Far above what any guest reads; each boot interface has a lower limit of its own. */
const MAX_COMMAND_LINE = 65535;

/** Of each kind. */
const MAX_DEVICES = 64;
const MAX_GRANT_FRAMES = 256;
/** Two are the toolstack's. */
const MIN_EVENT_CHANNELS = 8;
const MAX_EVENT_CHANNELS = 4095;

const encoder = new TextEncoder();
const uuid = /^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$/;

/** A text that can be handed to C and written as UTF-8. */
function text(min: number, max: number): z.ZodString {
  return z
    .string()
    .min(min)
    .max(max)
    .refine((value) => !value.includes("\0") && value.isWellFormed());
}

function refuse(ctx: z.RefinementCtx, path: string[], message: string, params: ProblemParams): void {
  ctx.addIssue({ code: "custom", path, message, params: { ...params } });
}

/** What a custom issue carries for the error that is made from it. */
export interface ProblemParams {
  code: "CONFIG_INVALID" | "CONFIG_KEY_UNSUPPORTED";
  allowed: string;
}

/** xl's seven actions; those that are not listed in `actions` are refused as not implemented. */
export const xlActions = [
  "destroy",
  "restart",
  "rename-restart",
  "preserve",
  "coredump-destroy",
  "coredump-restart",
  "soft-reset",
] as const;
const actions = ["destroy", "restart"] as const;

function action(event: string, value: (typeof actions)[number]) {
  return key(z.enum(actions).default(value), {
    type: "string",
    meaning: `What happens after the guest ${event}: \`destroy\` ends the domain, \`restart\` starts it again.`,
    allowed: '"destroy" or "restart"',
    values: actions,
  });
}

const platforms = ["auto", "xen", "bare"] as const;
const bootInterfaces = ["direct", "classic"] as const;

const shape = {
  name: key(
    z
      .string()
      .min(1)
      .max(255)
      // No slash, and nothing that a terminal acts on or shows in another order.
      .regex(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}/]+$/u)
      .refine((value) => encoder.encode(value).length <= 255 && value.isWellFormed())
      .superRefine((value, ctx) => {
        const kind = lookalike(value);
        if (kind === undefined) return;
        refuse(ctx, [], `name is ${shown(value)}, which would be taken for ${kind}; choose another`, {
          code: "CONFIG_INVALID",
          allowed: "a name with other characters",
        });
      }),
    {
      type: "string",
      meaning:
        "Name of the domain, unique on the host. Not only digits and not in the form of a uuid, because names, domids and uuids address domains alike.",
      allowed: "a text of 1 to 255 bytes without control characters and /",
    },
  ),
  type: key(z.literal("pvh").optional(), {
    type: "string",
    meaning:
      'Type of the guest. It or `pvh` is required: `"pvh"`, the whole word (xl also takes beginnings of it).',
    allowed: '"pvh"',
    values: ["pvh"],
  }),
  pvh: key(z.literal(true).optional(), {
    type: "boolean",
    meaning:
      "The spelling of Xen 4.4 to 4.8 for `type`. Both ask for PVH; the kernel decides which boot interface.",
    allowed: "true (in xl.cfg: 1)",
  }),
  uuid: key(
    z
      .string()
      .regex(uuid)
      .toLowerCase()
      .superRefine((value, ctx) => {
        if (/[1-9a-f]/.test(value)) return;
        refuse(ctx, [], "uuid is all zeros, which stands for the host itself; choose another", {
          code: "CONFIG_INVALID",
          allowed: "a uuid that is not all zeros",
        });
      })
      .meta({ format: "uuid" })
      .optional(),
    {
      type: "string",
      meaning: "Identity of the domain for life.",
      allowed: "a uuid: 32 hexadecimal digits grouped 8-4-4-4-12",
      absent: "random",
    },
  ),
  kernel: key(text(1, MAX_PATH), {
    type: "string",
    meaning:
      "Path of the kernel: ELF or bzImage, compressed or not. pvhctl takes a relative path from its working directory.",
    allowed: `the path of a kernel file, 1 to ${MAX_PATH} characters`,
  }),
  ramdisk: key(text(1, MAX_PATH).optional(), {
    type: "string",
    meaning: "Path of the initial ramdisk.",
    allowed: `the path of a ramdisk file, 1 to ${MAX_PATH} characters; leave it out to have none`,
    absent: "no ramdisk",
  }),
  cmdline: key(text(0, MAX_COMMAND_LINE).optional(), {
    type: "string",
    meaning: "The whole kernel command line. `root` and `extra` have no effect beside it.",
    allowed: `a text of at most ${MAX_COMMAND_LINE} characters without NUL`,
    absent: "made of `root` and `extra`",
  }),
  root: key(text(0, MAX_COMMAND_LINE).optional(), {
    type: "string",
    meaning: "Root device: the command line begins with `root=` and this.",
    allowed: `a text of at most ${MAX_COMMAND_LINE} characters without NUL`,
    absent: "nothing",
  }),
  extra: key(text(0, MAX_COMMAND_LINE).optional(), {
    type: "string",
    meaning: "The rest of the command line, behind `root`.",
    allowed: `a text of at most ${MAX_COMMAND_LINE} characters without NUL`,
    absent: "nothing",
  }),
  memory: key(z.int().min(1).max(MAX_MEMORY).default(32), {
    type: "integer",
    meaning: "Memory of the guest in MiB. The default is xl's and too little for most kernels.",
    allowed: `a whole number of MiB from 1 to ${MAX_MEMORY}`,
  }),
  maxmem: key(z.int().min(1).max(MAX_MEMORY).optional(), {
    type: "integer",
    meaning:
      "Upper limit of the guest's memory in MiB, which `pvhctl mem-set` can go up to when the guest has a balloon driver. Above `memory` only on the xen platform.",
    allowed: `a whole number of MiB from 1 to ${MAX_MEMORY}`,
    absent: "equals `memory`",
  }),
  vcpus: key(z.int().min(1).max(MAX_VCPUS).default(1), {
    type: "integer",
    meaning: `Virtual CPUs at boot: up to ${SUPPORTED_VCPUS} on the xen platform, 1 on the bare one.`,
    allowed: `a whole number from 1 to ${MAX_VCPUS}`,
  }),
  maxvcpus: key(z.int().min(1).max(MAX_VCPUS).optional(), {
    type: "integer",
    meaning:
      "Upper limit of virtual CPUs, at least `vcpus`; `pvhctl vcpu-set` can go up to it. The same limits as for `vcpus`.",
    allowed: `a whole number from 1 to ${MAX_VCPUS}`,
    absent: "equals `vcpus`",
  }),
  disk: key(z.array(DiskConfig).max(MAX_DEVICES).default([]), {
    type: "list",
    meaning:
      'Disks, each as xl has it: `"/path/image,raw,xvda,w"`, or an object. Raw images and block devices; xen platform only.',
    allowed: 'a list of disks like "/path/image,raw,xvda,w"',
  }),
  vif: key(z.array(VifConfig).max(MAX_DEVICES).default([]), {
    type: "list",
    meaning:
      'Network interfaces, each as xl has it: `"bridge=xenbr0,mac=00:16:3e:01:02:03"`, or an object; `""` has every default. Xen platform only.',
    allowed: 'a list of interfaces like "bridge=xenbr0"',
  }),
  max_grant_frames: key(z.int().min(1).max(MAX_GRANT_FRAMES).default(64), {
    type: "integer",
    meaning: "Upper limit of the guest's grant table, in frames of 512 grants.",
    allowed: `a whole number from 1 to ${MAX_GRANT_FRAMES}`,
  }),
  max_event_channels: key(z.int().min(MIN_EVENT_CHANNELS).max(MAX_EVENT_CHANNELS).default(1023), {
    type: "integer",
    meaning: "The highest event channel port that the guest may have.",
    allowed: `a whole number from ${MIN_EVENT_CHANNELS} to ${MAX_EVENT_CHANNELS}`,
  }),
  on_poweroff: action("has powered off", "destroy"),
  on_reboot: action("has asked for a reboot", "restart"),
  on_watchdog: action("has let its watchdog expire", "destroy"),
  on_crash: action("has crashed", "destroy"),
  platform: key(z.enum(platforms).default("auto"), {
    type: "string",
    meaning:
      "What the guest sees around it: Xen's interfaces, or the bare hardware of a microvm. `auto`: `xen` for classic guests and for direct guests whose hypercalls the host can take, else `bare`. Not a key of xl.",
    allowed: '"auto", "xen" or "bare"',
    values: platforms,
  }),
  pvh_abi: key(z.enum(bootInterfaces).optional(), {
    type: "string",
    meaning:
      "The boot interface: `classic` is PVHv1 (Xen 4.4 to 4.8), `direct` is PVHv2 (Xen 4.10 and later). Not a key of xl.",
    allowed: '"direct" or "classic"',
    values: bootInterfaces,
    absent: "`direct` when the kernel supports it, else `classic`",
  }),
};

function lookalike(name: string): string | undefined {
  if (/^[0-9]+$/.test(name)) return "a domid";
  if (uuid.test(name)) return "a uuid";
  return name === "." || name === ".." ? "a relative path" : undefined;
}

/**
 * The config of a guest: the meaning of an xl.cfg file and the body of `POST /domains`. Property names are xl's.
 *
 * To read untrusted data use `validateGuestConfig`, whose errors have codes and explain keys of xl that are not here.
 */
export const GuestConfig = z.strictObject(shape).superRefine((config, ctx) => {
  if (config.type === undefined && config.pvh === undefined) {
    refuse(
      ctx,
      ["type"],
      'neither type nor pvh asks for a PVH guest, the only type there is; set type to "pvh"',
      {
        code: "CONFIG_INVALID",
        allowed: '"pvh"',
      },
    );
  }
  const { memory, maxmem = memory, vcpus, maxvcpus } = config;
  if (maxmem < memory) {
    refuse(ctx, ["maxmem"], `maxmem is ${maxmem} MiB, less than the ${memory} MiB of memory`, {
      code: "CONFIG_INVALID",
      allowed: String(memory),
    });
  }
  if (maxvcpus !== undefined && maxvcpus < vcpus) {
    refuse(ctx, ["maxvcpus"], `maxvcpus is ${maxvcpus}, less than the ${vcpus} of vcpus`, {
      code: "CONFIG_INVALID",
      allowed: `a whole number from ${vcpus} to ${MAX_VCPUS}`,
    });
  }
  refuseTwice(
    ctx,
    "disk",
    "vdev",
    config.disk.map(({ vdev }) => vdevNumber(vdev)),
    config.disk.map(({ vdev }) => vdev),
  );
  refuseTwice(
    ctx,
    "vif",
    "mac",
    config.vif.map(({ mac }) => mac),
  );
  refuseTwice(
    ctx,
    "vif",
    "devid",
    config.vif.map(({ devid }) => devid),
  );
  for (const [key, count] of [
    ["vcpus", vcpus],
    ["maxvcpus", maxvcpus ?? 0],
  ] as const) {
    if (count <= SUPPORTED_VCPUS) continue;
    refuse(
      ctx,
      [key],
      `${key} is ${count}, but guests with more than ${SUPPORTED_VCPUS} CPUs are not implemented yet; set it to at most ${SUPPORTED_VCPUS}`,
      { code: "CONFIG_KEY_UNSUPPORTED", allowed: `at most ${SUPPORTED_VCPUS}` },
    );
  }
});
export type GuestConfig = z.output<typeof GuestConfig>;

/** Two devices of a guest cannot be the same to it. */
function refuseTwice(
  ctx: z.RefinementCtx,
  key: string,
  option: string,
  values: readonly (string | number | undefined)[],
  names: readonly (string | number | undefined)[] = values,
): void {
  values.forEach((value, i) => {
    const first = values.indexOf(value);
    if (value === undefined || first === i) return;
    const message = `${key} ${first + 1} and ${key} ${i + 1} both have the ${option} ${shown(names[i])}; give each its own`;
    refuse(ctx, [key], message, { code: "CONFIG_INVALID", allowed: `another ${option}` });
  });
}
/** As a client may write it: defaults may be absent. */
export type GuestConfigInput = z.input<typeof GuestConfig>;

/** An implemented key as data: for docs, completion and messages. */
export interface GuestConfigKey extends KeyInfo {
  readonly name: string;
  readonly required: boolean;
  readonly default: string | number | boolean | readonly unknown[] | undefined;
}

/** Every implemented key, in the order in which the docs show them. */
export const guestConfigKeys: readonly GuestConfigKey[] = Object.entries(shape).map(([name, schema]) => {
  const info = keyInfos.get(schema);
  if (info === undefined) throw new Error(`the key ${name} has no description`);
  const whenAbsent = schema.safeParse(undefined);
  return { name, ...info, required: !whenAbsent.success, default: whenAbsent.data };
});

const keysByName = new Map(guestConfigKeys.map((info) => [info.name, info]));

export function guestConfigKey(name: string): GuestConfigKey | undefined {
  return keysByName.get(name);
}
