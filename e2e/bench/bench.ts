/**
 * npm run bench [NAME...]: prints figures, each with its comparison measured in the same run, interleaved. Asserts nothing.
 * Wants the Debian kernels (`npm run kernels`), xz, a C compiler and /dev/kvm; says what it leaves out for want of one.
 *
 * `unpack`, `plan`, `place`: kernels and images; `exits`, `hypercalls`, `events`: guests on /dev/kvm; `block` (on a file
 * in TMPDIR), `net`: back ends without a guest; `xen`: domains on the emulated Xen host, against xl.
 */
import { benchBlock } from "./block.ts";
import { benchEvents } from "./events.ts";
import { benchExits } from "./exits.ts";
import { benchHypercalls } from "./hypercalls.ts";
import { benchNet } from "./net.ts";
import { benchPlace } from "./place.ts";
import { benchPlan } from "./plan.ts";
import { benchUnpack } from "./unpack.ts";
import { benchXen } from "./xen.ts";

const benchmarks = {
  unpack: benchUnpack,
  plan: benchPlan,
  place: benchPlace,
  exits: benchExits,
  hypercalls: benchHypercalls,
  events: benchEvents,
  block: benchBlock,
  net: benchNet,
  xen: benchXen,
};

const width = Math.max(...Object.keys(benchmarks).map((name) => name.length));
const wanted = process.argv.slice(2);
for (const [name, run] of Object.entries(benchmarks)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  try {
    for (const line of await run()) console.log(`${name.padEnd(width)} ${line}`);
  } catch (error) {
    console.log(`${name.padEnd(width)} left out: ${error instanceof Error ? error.message : String(error)}`);
  }
}
