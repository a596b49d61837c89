import { buildGuests } from "../guests/build.ts";
import { runGuest } from "../support/guest-runs.ts";
import { patience } from "../support/patience.ts";
import { noKvm, withFolder } from "../support/programs.ts";
import { prepareExits } from "./exits.ts";
import { compare } from "./measure.ts";

/** Fewer where all is slow. */
const iterations = Math.ceil(10_000 / patience);
const loops = 5;

/**
 * A hypercall that does nothing (xen_version), for classic and direct guests: beside a write to an absent I/O port in the
 * same guest, called in the same way and bare, in turns, and beside such an exit of a bare guest in a loop in C. The guests
 * take the time.
 */
export async function benchHypercalls(): Promise<string[]> {
  const reason = noKvm();
  if (reason !== undefined) throw new Error(reason);
  const guests = await buildGuests();
  const inC = await withFolder("pvh-bench", async (folder) => {
    const { loopInC } = await prepareExits(folder);
    return Array.from({ length: loops }, loopInC);
  });
  const lines: string[] = [];
  for (const kind of ["classic", "direct"]) {
    const kernel = guests[`${kind}-bench-hypercalls`] ?? "";
    const { stdout, stderr } = await runGuest({ kernel, cmdline: `iterations=${iterations}` });
    const rounds = [
      ...stdout.matchAll(/^hypercalls: iterations=(\d+) port=(\d+) stub=(\d+) hypercall=(\d+)$/gm),
    ];
    if (rounds.length === 0) throw new Error(`the guest did not report: ${stdout}${stderr}`);
    const cycles = (column: number) => rounds.map((round) => Number(round[column]) / Number(round[1]));
    const what = `xen_version, ${kind} guest`;
    lines.push(compare(what, cycles(4), "OUT in a stub that is called so", cycles(3), "TSC cycles"));
    lines.push(compare(what, cycles(4), "OUT to an absent port", cycles(2), "TSC cycles"));
    lines.push(compare(what, cycles(4), "OUT exit of a loop in C", inC, "TSC cycles"));
  }
  return lines;
}
