import { Worker } from "node:worker_threads";
import { APIC_REG } from "@pvh/abi";
import { expect, test } from "vitest";
import { TestApics } from "./test-apics.ts";

test("two threads that send IPIs to a vCPU lose none of their interrupts", async () => {
  const bench = new TestApics(3).enable(0, 1, 2);
  const rounds = 2000;
  // Word i: how many rounds of vector 0x40 + i vCPU 0 has handled. The sender waits for its turn to send again.
  const handled = new Int32Array(new SharedArrayBuffer(8));
  const source = `
    const { workerData } = require("node:worker_threads");
    import(workerData.module).then(({ LocalApics }) => {
      const { buffer, handled, vcpu } = workerData;
      const none = () => {};
      const hooks = { wake: none, now: () => 0, init: none, startup: none, nmi: none, enabled: none };
      const apics = new LocalApics(buffer, 3, hooks);
      const at = vcpu - 1;
      for (let round = 0; round < ${rounds}; round++) {
        apics.writeMmio(vcpu, ${APIC_REG.ICR_HIGH}, 4, 0);
        apics.writeMmio(vcpu, ${APIC_REG.ICR}, 4, 0x40 + at);
        Atomics.wait(handled, at, round);
      }
    });`;
  const workers = [1, 2].map((vcpu) => {
    const module = new URL("index.ts", import.meta.url).href;
    return new Worker(source, { eval: true, workerData: { buffer: bench.buffer, handled, vcpu, module } });
  });
  const counts = [0, 0];
  try {
    for (let seen = 0; seen < 2 * rounds; ) {
      const vector = bench.apics.pendingVector(0);
      if (vector < 0) {
        await new Promise(setImmediate);
        continue;
      }
      expect(bench.apics.accept(0, vector)).toBe(vector);
      bench.write(0, APIC_REG.EOI, 0);
      const at = vector - 0x40;
      counts[at] = (counts[at] ?? 0) + 1;
      seen++;
      Atomics.add(handled, at, 1);
      Atomics.notify(handled, at);
    }
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
  expect(counts).toEqual([rounds, rounds]);
  expect(bench.apics.pendingVector(0)).toBe(-1);
});
