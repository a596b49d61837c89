import { buildGuests } from "../guests/build.ts";
import { missingForKvmHost, startKvmHost } from "../hosts/kvm-host.ts";

const demoTimeoutMs = 10 * 60_000;

/** Runs the demo on a machine that QEMU emulates, for a machine without KVM. Gives the exit status. */
export async function demoOnEmulatedHost(whyNotHere: string): Promise<number> {
  console.log(`The demo runs guests on KVM. Here, ${whyNotHere.replace(/ On an emulated host: .*/, "")}`);
  const missing = await missingForKvmHost();
  if (missing !== undefined) {
    console.error(`An emulated host would do as well, but ${missing}`);
    return 1;
  }
  console.log(
    "So QEMU emulates a whole AMD host, and the demo runs there, some thirty times slower (two minutes).",
  );
  await buildGuests();
  // The emulation corrupts a host's memory now and then: see e2e/hosts/README.md.
  const status = await once();
  if (status === 0) return 0;
  console.log(`\nThe demo failed with status ${status}. Once more, on a new host:`);
  return once();
}

async function once(): Promise<number> {
  try {
    await using host = await startKvmHost();
    const { status } = await host.run("exec node e2e/demo/demo.ts", {
      timeoutMs: demoTimeoutMs,
      live: (text) => process.stdout.write(text),
    });
    return status;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return 1;
  }
}
