/**
 * npm run demo: a daemon of its own, a classic and a direct guest through the API, their consoles, the domain list,
 * an image's layout, the stage timings; then everything is cleaned up. Without /dev/kvm all that happens on an
 * emulated host.
 */
import { join } from "node:path";
import { buildGuests } from "../guests/build.ts";
import { patience } from "../support/patience.ts";
import { type Daemon, noKvm, pvhctl, root, startPvhd, withFolder } from "../support/programs.ts";
import { demoOnEmulatedHost } from "./emulated-host.ts";

const guests = [
  { name: "classic-entry", what: "classic PVH (PVHv1): entered in 64-bit long mode with page tables" },
  { name: "direct-entry", what: "direct PVH (PVHv2): entered in 32-bit protected mode" },
];

const reason = noKvm();
if (reason !== undefined) process.exit(await demoOnEmulatedHost(reason));

// A signal lets the step under way end, and then everything is cleaned up as after the last one.
let interrupted = false;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => {
    interrupted = true;
  });
}

await withFolder("pvh-demo", async (folder) => {
  title("Building the test guests");
  await buildGuests();
  title("Starting pvhd on a private socket");
  const daemon = await startPvhd(folder);
  console.log(`pvhd listens on ${daemon.socket}`);
  try {
    await demo(daemon, folder);
  } finally {
    for (const { name } of guests) await pvhctl(["destroy", name], { socket: daemon.socket });
    await daemon.stop();
  }
  title("Done: domains destroyed, daemon stopped, files removed");
}).catch((error: Error) => {
  console.error(`\nThe demo ended early: ${error.message}`);
  process.exitCode = 1;
});

async function demo(daemon: Daemon, folder: string): Promise<void> {
  for (const { name, what } of guests) {
    title(`${name}: ${what}`);
    await show(daemon, ["create", config(name), "--timings"]);
    await ended(daemon, name);
    await show(daemon, ["console", name, "--replay"]);
  }
  title("The domains");
  await show(daemon, ["list"]);
  await show(daemon, ["show", "classic-entry"]);
  title("What the builder made of the classic guest");
  await show(daemon, ["build", config("classic-entry"), "-o", join(folder, "image")]);
}

async function show(daemon: Daemon, args: string[]): Promise<void> {
  if (interrupted) throw new Error("it was interrupted");
  console.log(`$ pvhctl ${args.map((arg) => arg.replace(root, "")).join(" ")}`);
  const { status, stdout, stderr } = await pvhctl(args, { socket: daemon.socket });
  process.stdout.write(stdout + stderr);
  if (status !== 0) throw new Error(`pvhctl ${args[0]} ended with status ${status}`);
}

/** The guests report and power off; a guest that does not is a failure of the demo. */
async function ended(daemon: Daemon, name: string): Promise<void> {
  const seconds = 30 * patience;
  for (const deadline = performance.now() + seconds * 1000; performance.now() < deadline; ) {
    if (interrupted) throw new Error("it was interrupted");
    const { stdout } = await pvhctl(["show", name, "-o", "json"], { socket: daemon.socket });
    const { state, exit } = JSON.parse(stdout);
    if (state === "shutdown") return;
    if (exit !== undefined) throw new Error(`${name} ended with ${JSON.stringify(exit)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${name} did not end within ${seconds} s`);
}

function config(name: string): string {
  return join(root, "e2e/guests", `${name}.cfg`);
}

function title(text: string): void {
  console.log(`\n── ${text}`);
}
