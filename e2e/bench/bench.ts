/**
 * npm run bench [NAME...]: prints figures, each with its comparison measured in the same run, interleaved. Asserts nothing.
 * Wants the Debian kernels (`npm run kernels`), xz, a C compiler and /dev/kvm; says what it
 * leaves out for want of one.
 */
import { benchExits } from "./exits.ts";
import { benchNet } from "./net.ts";
import { benchPlace } from "./place.ts";
import { benchPlan } from "./plan.ts";
import { benchUnpack } from "./unpack.ts";

const benchmarks = {
  unpack: benchUnpack,
  plan: benchPlan,
  place: benchPlace,
  exits: benchExits,
  net: benchNet,
};

const wanted = process.argv.slice(2);
for (const [name, run] of Object.entries(benchmarks)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  try {
    for (const line of await run()) console.log(`${name.padEnd(7)} ${line}`);
  } catch (error) {
    console.log(`${name.padEnd(7)} left out: ${error instanceof Error ? error.message : String(error)}`);
  }
}
