/** The test guests as data: what each is made of. `build.ts` compiles them; the sources say what each one does. */

export interface Guest {
  name: string;
  /** Word size of the code: classic guests are entered in 64-bit mode, direct ones in 32-bit mode. */
  bits: 32 | 64;
  /** Relative to this directory, in link order. */
  sources: string[];
  linkerScript: string;
}

const anyEntry = ["lib/print.c", "lib/text.c", "lib/real-xen.c", "lib/verdict.c", "lib/power-xen.c"];

/** Where text goes: to the debug port, or to the PV console. */
const consoles = { port: "lib/console-port.c", pv: "lib/console-pv.c" } as const;
type Console = keyof typeof consoles;

const classicEntry = {
  bits: 64,
  linkerScript: "lib/classic.ld",
  sources: ["lib/start-classic.S", "lib/boot-classic.c", "lib/power-classic.c", ...anyEntry],
} as const;

const directEntry = {
  bits: 32,
  linkerScript: "lib/direct.ld",
  sources: ["lib/start-direct.S", "lib/boot-direct.c", "lib/power-direct.c", "lib/acpi.c", ...anyEntry],
} as const;

const selfChecks = ["lib/image.c", "lib/pattern.S", "lib/payload.c"];

function within(directory: string, files: string[]): string[] {
  return files.map((file) => `${directory}/${file}`);
}

const classicEntrySources = [
  ...selfChecks,
  ...within("classic-entry", [
    "main.c",
    "registers.c",
    "segments.c",
    "page-tables.c",
    "start-info.c",
    "layout.c",
    "shared-pages.c",
    "stack.c",
    "hypercalls.c",
    "hypercall-registers.S",
    "platform.c",
    "native-tables.c",
    "native-tables.S",
    "mutations.c",
  ]),
];

const directEntrySources = [
  ...selfChecks,
  ...within("direct-entry", [
    "main.c",
    "registers.c",
    "segments.c",
    "start-info.c",
    "memory-map.c",
    "ports.c",
    "xen.c",
    "bare.c",
    "mutations.c",
  ]),
];

/** Guests of a few lines; each exists for every way of being entered. */
const smallGuests: Record<string, { classic: string[]; direct: string[] }> = {
  "bad-instruction": { classic: ["small/absent-classic.c"], direct: ["small/absent-direct.c"] },
  crash: { classic: [], direct: [] },
  echo: { classic: [], direct: [] },
  exits: { classic: [], direct: [] },
  halt: { classic: [], direct: [] },
  hostile: { classic: [], direct: [] },
  mmio: { classic: ["small/absent-classic.c"], direct: ["small/absent-direct.c"] },
  poweroff: { classic: [], direct: [] },
  reboot: { classic: [], direct: [] },
  spin: { classic: [], direct: [] },
  "triple-fault": { classic: [], direct: [] },
};

const anyXenLibrary = [
  "lib/interrupts.S",
  "lib/interrupts.c",
  "lib/shared-info.c",
  "lib/events.c",
  "lib/clock.c",
  "lib/timer.c",
  "lib/smp.S",
  "lib/smp.c",
];

/** What guests share that use more of the Xen platform than a few hypercalls; the headers say what each part does. */
const xenLibrary = {
  classic: [...anyXenLibrary, "lib/smp-classic.c"],
  direct: [...anyXenLibrary, "lib/smp-direct.c"],
};

/** Grants, the store, the console and the front ends' handshake. */
const deviceLibrary = [
  "lib/grants.c",
  "lib/own-domain.c",
  "lib/pv-console.c",
  "lib/wait.c",
  "lib/words.c",
  "lib/xenbus.c",
  "lib/xenstore.c",
];

function deviceGuest(...more: string[]): { classic: string[]; direct: string[] } {
  return { classic: [...deviceLibrary, ...more], direct: [...deviceLibrary, ...more] };
}

const fuzzSources = [...deviceLibrary, "property/fuzz-hypercalls.c", "property/fuzz-machine.c"];

/** Those of them that exist with their text on the PV console as well, for hosts that have no other. */
const smallPvGuests = ["crash", "poweroff", "reboot", "spin", "triple-fault"];

/** Guests that each show one property of the Xen platform, in `property/NAME.c` and these; without a list there is none. */
const propertyGuests: Record<string, { classic?: string[]; direct?: string[] }> = {
  apic: { direct: ["property/faults.c"] },
  "apic-smp": { direct: ["property/apic-smp.S"] },
  "apic-timer": { direct: [] },
  block: deviceGuest("property/block-front.c"),
  clock: { classic: [], direct: [] },
  "console-flood": deviceGuest(),
  "event-fifo": { classic: ["property/fifo.c"], direct: ["property/fifo.c"] },
  "event-ports": { classic: [], direct: [] },
  events: { classic: [], direct: [] },
  fuzz: {
    classic: [...fuzzSources, "property/fuzz-classic.c"],
    direct: [...fuzzSources, "property/fuzz-direct.c"],
  },
  grants: deviceGuest(),
  hypercalls: { classic: [], direct: [] },
  memory: { classic: ["property/window-classic.c"], direct: ["property/window-direct.c"] },
  net: deviceGuest("property/net-front.c", "property/net-packets.c"),
  physmap: { classic: ["property/window-classic.c"], direct: ["property/window-direct.c"] },
  "pv-echo": deviceGuest(),
  ring3: { direct: ["property/ring3.S"] },
  sched: { classic: [], direct: [] },
  "shutdown-watch": deviceGuest(),
  store: deviceGuest(),
  timers: { classic: [], direct: [] },
  "upcall-vector": { direct: [] },
  "vcpu-64": { direct: ["property/vcpu-64.S"] },
  vcpus: { classic: ["property/ap-entry-classic.c"], direct: ["property/ap-entry-direct.c"] },
  watchdog: { classic: [], direct: [] },
  x2apic: { direct: ["property/faults.c"] },
};

/** Guests that follow the boot of a classic PVH kernel of Linux. */
function linuxBootGuest(release: string): Guest {
  const library = ["interrupts.S", "interrupts.c", "shared-info.c", "events.c", "clock.c", "pv-console.c"];
  const own = ["main.c", "early.c", "page-tables.c", "irq.c", "time.c", "smp.S", "smp.c", "devices.c"];
  return classic(`classic-linux-boot-${release}`, "lib/notes-classic-linux.S", [
    ...within("lib", [...library, "words.c", "xenstore.c"]),
    "property/fifo.c",
    ...within("linux-boot", [...own, `variant-${release}.c`]),
  ]);
}

/** Guests of `npm run bench`: `bench/NAME.c` and these. */
const benchGuests: Record<string, { classic: string[]; direct: string[] }> = {
  events: deviceGuest(),
  hypercalls: { classic: [], direct: [] },
};

function propertyGuest(
  name: string,
  more: { classic?: string[]; direct?: string[] },
  source = `property/${name}.c`,
): Guest[] {
  const built: Guest[] = [];
  if (more.classic !== undefined) {
    const sources = [...xenLibrary.classic, source, ...more.classic];
    built.push(classic(`classic-${name}`, "lib/notes-classic-linux.S", sources));
  }
  if (more.direct !== undefined) {
    const sources = [...xenLibrary.direct, source, ...more.direct];
    built.push(direct(`direct-${name}`, "lib/notes-direct.S", sources));
  }
  return built;
}

function classic(name: string, notes: string, sources: string[], output: Console = "port"): Guest {
  return { ...classicEntry, name, sources: [...classicEntry.sources, consoles[output], notes, ...sources] };
}

function direct(name: string, notes: string, sources: string[], output: Console = "port"): Guest {
  return { ...directEntry, name, sources: [...directEntry.sources, consoles[output], notes, ...sources] };
}

export const guests: Guest[] = [
  classic("classic-entry", "lib/notes-classic.S", classicEntrySources),
  direct("direct-entry", "lib/notes-direct.S", directEntrySources),
  direct("direct-entry-bare", "lib/notes-direct-bare.S", directEntrySources),
  ...Object.entries(smallGuests).flatMap(([name, more]) => [
    classic(`classic-${name}`, "lib/notes-classic-linux.S", [`small/${name}.c`, ...more.classic]),
    direct(`direct-${name}`, "lib/notes-direct.S", [`small/${name}.c`, ...more.direct]),
    direct(`direct-${name}-bare`, "lib/notes-direct-bare.S", [`small/${name}.c`, ...more.direct]),
  ]),
  ...smallPvGuests.flatMap((name) => [
    classic(`classic-${name}-pv`, "lib/notes-classic-linux.S", [`small/${name}.c`], "pv"),
    direct(`direct-${name}-pv`, "lib/notes-direct.S", [`small/${name}.c`], "pv"),
  ]),
  ...Object.entries(propertyGuests).flatMap(([name, more]) => propertyGuest(name, more)),
  ...Object.entries(benchGuests).flatMap(([name, more]) =>
    propertyGuest(`bench-${name}`, more, `bench/${name}.c`),
  ),
  linuxBootGuest("318"),
  linuxBootGuest("4x"),
];
