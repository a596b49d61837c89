import { z } from "zod";
import { CPU_LIST_ALLOWED, cpuListProblem } from "./cpu-list.ts";
import { diskList, MAX_DISKS } from "./disk.ts";
import { type DescribedKey, describedKeys, type KeyInfo, key, MAX_PATH, refuse, text } from "./key.ts";
import { shown } from "./shown.ts";
import { MAX_VIFS, vifList } from "./vif.ts";

/** MiB; 16 TiB. */
const MAX_MEMORY = 16 * 1024 * 1024;
/** As in libxl for HVM containers. */
const MAX_VCPUS = 128;
/** vCPUs whose vcpu_info stands in shared_info, where a guest finds it that knows no other place. */
const SUPPORTED_VCPUS = 32;
/** Far above what any guest reads; each boot interface has a lower limit of its own. */
const MAX_COMMAND_LINE = 65535;

const MAX_GRANT_FRAMES = 256;
/** Two are the toolstack's. */
const MIN_EVENT_CHANNELS = 8;
const MAX_EVENT_CHANNELS = 4095;
/** Xen's default, which is also its limit. */
const MAX_MAPTRACK_FRAMES = 1024;

const encoder = new TextEncoder();
const uuid = /^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$/;

/** The weights of Xen's schedulers. */
const MAX_WEIGHT = 65535;
/** Percent of one CPU. */
const CAP_PER_VCPU = 100;

/** xl's seven actions. `backend-keys.ts` says which of them need a backend that keeps a domain which has ended. */
export const endActions = [
  "destroy",
  "restart",
  "rename-restart",
  "preserve",
  "coredump-destroy",
  "coredump-restart",
  "soft-reset",
] as const;
export type EndAction = (typeof endActions)[number];

function action(event: string, value: EndAction) {
  return key(z.enum(endActions).default(value), actionInfo(event));
}

function actionInfo(event: string): KeyInfo {
  return {
    type: "string",
    meaning: `What happens after the guest ${event}; see [After the end](#after-the-end).`,
    allowed: endActions.map((one) => JSON.stringify(one)).join(", "),
    values: endActions,
  };
}

/** One text for all vCPUs, or one for each. */
function affinity(name: "cpus" | "cpus_soft", meaning: string) {
  const texts = z.union([z.string(), z.array(z.string()).max(MAX_VCPUS)]);
  const checked = texts.superRefine((value, ctx) => {
    for (const [index, text] of [value].flat().entries()) {
      const field = Array.isArray(value) ? `${name}[${index}]` : name;
      const problem = cpuListProblem(field, text);
      if (problem === undefined) continue;
      refuse(ctx, [], problem.sentence, problem);
      return;
    }
  });
  return key(checked.optional(), {
    type: "string or list",
    meaning,
    allowed: `${CPU_LIST_ALLOWED}, or a list of such texts, one for each vCPU`,
    absent: "all",
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
  disk: key(diskList.default([]), {
    type: "list",
    meaning:
      'Disks of the guest, as in `["/srv/web.img,raw,xvda,w"]`; see [Disks](#disks). Only on the xen platform.',
    allowed: `a list of at most ${MAX_DISKS} disks such as "/srv/web.img,raw,xvda,w"`,
  }),
  vif: key(vifList.default([]), {
    type: "list",
    meaning:
      'Network interfaces of the guest, as in `["bridge=xenbr0"]`; see [Network interfaces](#network-interfaces). Only on the xen platform.',
    allowed: `a list of at most ${MAX_VIFS} network interfaces such as "bridge=xenbr0"`,
  }),
  device_model_override: key(text(1, MAX_PATH).regex(/^\//).optional(), {
    type: "string",
    meaning:
      "Path of the QEMU program, with support for Xen, that serves the disks which need one; see [Disks](#disks). It runs with pvhd's rights.",
    allowed: `the absolute path of a program, 2 to ${MAX_PATH} characters`,
    absent: "where Xen's own tools look for it",
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
  max_maptrack_frames: key(z.int().min(0).max(MAX_MAPTRACK_FRAMES).default(MAX_MAPTRACK_FRAMES), {
    type: "integer",
    meaning:
      "Upper limit of what the guest itself may map by grants at a time, in frames of 256 mappings. More than 1024 mappings are never possible.",
    allowed: `a whole number from 0 to ${MAX_MAPTRACK_FRAMES}`,
  }),
  max_grant_version: key(z.int().min(1).max(2).optional(), {
    type: "integer",
    meaning: "Latest version of grant tables that the guest may use.",
    allowed: "1 or 2",
    absent: "the latest that there is: 1 on KVM",
  }),
  cpu_weight: key(z.int().min(1).max(MAX_WEIGHT).optional(), {
    type: "integer",
    meaning:
      "Weight of the domain beside others when CPUs are short: one of 512 gets twice the time of one of 256.",
    allowed: `a whole number from 1 to ${MAX_WEIGHT}`,
    absent: "the scheduler's, 256",
  }),
  cap: key(z.int().min(0).optional(), {
    type: "integer",
    meaning:
      "Most processor time that the domain gets, in percent of one CPU: 50 is half of one, 200 are two. 0 is no limit.",
    allowed: `a whole number from 0 to ${CAP_PER_VCPU} times \`maxvcpus\``,
    absent: "no limit",
  }),
  cpus: affinity("cpus", "CPUs of the host that the guest's vCPUs may run on."),
  cpus_soft: affinity("cpus_soft", "CPUs of the host that the guest's vCPUs run on when they can."),
  pool: key(text(1, 255).optional(), {
    type: "string",
    meaning: "Name of the cpupool that the domain runs in.",
    allowed: "the name of a cpupool of the host (xl cpupool-list)",
    absent: "Pool-0",
  }),
  on_poweroff: action("has powered off", "destroy"),
  on_reboot: action("has asked for a reboot", "restart"),
  on_watchdog: action("has let its watchdog expire", "destroy"),
  on_crash: action("has crashed", "destroy"),
  on_soft_reset: key(z.enum(endActions).optional(), {
    ...actionInfo("has asked for a soft reset, to start another kernel in its memory (kexec)"),
    absent: "`soft-reset`, or `destroy` where there is none",
  }),
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
  const most = maxvcpus ?? vcpus;
  if (config.cap !== undefined && config.cap > CAP_PER_VCPU * most) {
    refuse(ctx, ["cap"], `cap is ${config.cap}, more than ${most} vCPUs can use`, {
      code: "CONFIG_INVALID",
      allowed: `a whole number from 0 to ${CAP_PER_VCPU * most}`,
    });
  }
  for (const key of ["cpus", "cpus_soft"] as const) {
    const texts = config[key];
    if (!Array.isArray(texts) || texts.length <= most) continue;
    refuse(ctx, [key], `${key} is a list of ${texts.length}, but the guest has at most ${most} vCPUs`, {
      code: "CONFIG_INVALID",
      allowed: `a list of at most ${most}`,
    });
  }
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
/** As a client may write it: defaults may be absent. */
export type GuestConfigInput = z.input<typeof GuestConfig>;

export type GuestConfigKey = DescribedKey;

/** Every implemented key, in the order in which the docs show them. */
export const guestConfigKeys: readonly GuestConfigKey[] = describedKeys(shape);

const keysByName = new Map(guestConfigKeys.map((info) => [info.name, info]));

export function guestConfigKey(name: string): GuestConfigKey | undefined {
  return keysByName.get(name);
}
