import { EVTCHNOP, evtchnBindIpi, evtchnStatus, HYPERCALL, PAGE_SIZE, VIRQ } from "@pvh/abi";
import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { HOST_DOMAIN } from "./event-channels.ts";
import { NARROW, type SharedInfoLayout, WIDE } from "./shared-info-layout.ts";
import { setBit, testBit } from "./vcpu-infos.ts";
import { DATA, type FakeXen, fakeXen } from "./xen.testing.ts";

const EPERM = -1;
const ENOENT = -2;
const ESRCH = -3;
const EEXIST = -17;
const EINVAL = -22;
const ENOSPC = -28;
const ENOSYS = -38;
const SELF = 0x7ff0;
const OWN = 5;

let fake: FakeXen;
beforeEach(() => {
  fake = fakeXen({ maxPort: 40 });
});

const events = () => fake.xen.events;
const shared = () => fake.xen.infos.shared;
const layout = (): SharedInfoLayout => (fake.xen.state.shared32 ? NARROW : WIDE);
const pending = (port: number) => testBit(shared().words, shared().at + layout().pending, port);
const upcall = (vcpu: number) => fake.xen.infos.of(vcpu).bytes[fake.xen.infos.of(vcpu).at];
const selector = (vcpu: number) => {
  const { words, at } = fake.xen.infos.of(vcpu);
  return words[(at + layout().pendingSelector) / 4];
};
const mask = (port: number) => setBit(shared().words, shared().at + layout().mask, port);

describe("ports", () => {
  test("are given from 1 on, and none above the limit", () => {
    const ports = Array.from({ length: 40 }, () => events().bindIpi(0));
    expect(ports).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
    expect(events().bindIpi(0)).toBe(ENOSPC);
    expect(events().close(17)).toBe(0);
    expect(events().bindIpi(0)).toBe(17);
  });

  test("of virtual interrupts: one for each vCPU, or one for the domain", () => {
    expect(events().bindVirq(VIRQ.TIMER, 0)).toBe(1);
    expect(events().bindVirq(VIRQ.TIMER, 1)).toBe(2);
    expect(events().bindVirq(VIRQ.TIMER, 1)).toBe(EEXIST);
    expect(events().bindVirq(VIRQ.DOM_EXC, 1)).toBe(EINVAL);
    expect(events().bindVirq(24, 0)).toBe(EINVAL);
    expect(events().bindVirq(VIRQ.TIMER, 2)).toBe(ENOENT);
    expect(events().close(1)).toBe(0);
    expect(events().bindVirq(VIRQ.TIMER, 0)).toBe(1);
  });

  test("connect within the domain, and the other end is free after a close", () => {
    const first = events().allocUnbound(SELF);
    expect(events().bindInterdomain(HOST_DOMAIN, first)).toBe(EINVAL);
    expect(events().bindInterdomain(9, first)).toBe(ESRCH);
    const second = events().bindInterdomain(OWN, first);
    expect(pending(second)).toBe(true);
    expect(events().send(second)).toBe(0);
    expect(pending(first)).toBe(true);
    expect(events().close(second)).toBe(0);
    expect(events().status(first)).toMatchObject({ state: 1, remoteDomain: OWN });
    expect(events().bindInterdomain(SELF, first)).toBeGreaterThan(0);
  });

  test("move to another vCPU when they are nobody's own", () => {
    const unbound = events().allocUnbound(0);
    expect(events().bindVcpu(unbound, 1)).toBe(0);
    expect(events().bindVcpu(unbound, 2)).toBe(ENOENT);
    expect(events().bindVcpu(events().bindIpi(0), 1)).toBe(EINVAL);
    expect(events().bindVcpu(events().bindVirq(VIRQ.TIMER, 0), 1)).toBe(EINVAL);
    expect(events().bindVcpu(events().bindVirq(VIRQ.DOM_EXC, 0), 1)).toBe(0);
  });
});

describe.each([["64-bit", false] as const, ["32-bit", true] as const])(
  "the 2-level ABI of a %s guest",
  (_, narrow) => {
    beforeEach(() => {
      fake.xen.state.shared32 = narrow;
    });

    test("sets the bits from the port up to the vCPU, once", () => {
      const port = events().bindIpi(1);
      expect(events().send(port)).toBe(0);
      expect([pending(port), selector(1), upcall(1), upcall(0)]).toEqual([true, 1, 1, 0]);
      expect(fake.woken).toEqual([1]);
      events().send(port);
      expect(fake.woken).toEqual([1]);
    });

    test("a masked event waits for its unmasking", () => {
      const port = events().bindIpi(0);
      mask(port);
      events().send(port);
      expect([pending(port), selector(0), upcall(0)]).toEqual([true, 0, 0]);
      expect(events().unmask(port)).toBe(0);
      expect([selector(0), upcall(0), fake.woken]).toEqual([1, 1, [0]]);
    });

    test("an upcall that the guest has set itself is looked at again", () => {
      const port = events().bindIpi(0);
      const { bytes, at } = fake.xen.infos.of(0);
      bytes[at] = 1;
      events().send(port);
      expect(fake.woken).toEqual([0]);
    });
  },
);

test("a poller is woken by an event that is masked", () => {
  const port = events().bindIpi(0);
  mask(port);
  fake.xen.state.setPolling(1, true);
  events().send(port);
  expect(fake.woken).toEqual([1]);
});

describe("the host's end", () => {
  test("binds what waits for it, is notified and notifies", () => {
    const port = events().allocUnbound(HOST_DOMAIN);
    expect(events().bindHost(events().allocUnbound(SELF))).toBe(false);
    expect(events().bindHost(port)).toBe(true);
    expect(events().bindHost(port)).toBe(false);
    events().send(port);
    const seen: number[] = [];
    fake.xen.ports.takeHostNotifications((taken) => seen.push(taken));
    fake.xen.ports.takeHostNotifications((taken) => seen.push(taken));
    expect([seen, fake.rings(), pending(port)]).toEqual([[port], 1, false]);
    events().sendFromHost(port);
    expect(pending(port)).toBe(true);
  });

  test("does nothing to a port that the guest has closed", () => {
    const port = events().allocUnbound(HOST_DOMAIN);
    events().bindHost(port);
    events().close(port);
    events().sendFromHost(port);
    events().unbindHost(port);
    expect([pending(port), events().status(port)?.state]).toEqual([false, 0]);
  });
});

describe("the FIFO ABI", () => {
  const ARRAY = 10;
  const CONTROL = 9;
  const word = (port: number) =>
    new DataView(fake.xen.memory.bytes(ARRAY * PAGE_SIZE, 4096).buffer).getUint32(
      ARRAY * PAGE_SIZE + port * 4,
      true,
    );
  const control = (index: number) =>
    new DataView(fake.xen.memory.bytes(CONTROL * PAGE_SIZE, 72).buffer).getUint32(
      CONTROL * PAGE_SIZE + index * 4,
      true,
    );
  const [PENDING, MASKED, LINKED] = [0x80000000, 0x40000000, 0x20000000];

  test("keeps what was pending, and links events in the order in which they came", () => {
    const [a, b, c] = [events().bindIpi(0), events().bindIpi(0), events().bindIpi(0)];
    events().send(b);
    expect(events().initControl(0, CONTROL, 0)).toBe(0);
    expect(events().initControl(0, CONTROL, 0)).toBe(EINVAL);
    expect(events().initControl(9, CONTROL, 0)).toBe(ENOENT);
    events().send(a);
    expect(events().expandArray(ARRAY)).toBe(0);
    events().send(c);
    expect([word(a), word(b), word(c)].map((w) => (w & LINKED) >>> 0)).toEqual([LINKED, LINKED, LINKED]);
    // Ready: the queue of the default priority; its head is the first, each points to the next.
    expect([control(0), control(2 + 7), word(a) & 0x1ffff, word(b) & 0x1ffff]).toEqual([1 << 7, a, b, c]);
    expect(word(c) >>> 0).toBe((PENDING | LINKED) >>> 0);
  });

  test("masked events are not linked; priorities have queues of their own", () => {
    const port = events().bindIpi(0);
    events().initControl(0, CONTROL, 0);
    events().expandArray(ARRAY);
    new DataView(fake.xen.memory.bytes(ARRAY * PAGE_SIZE, 4096).buffer).setUint32(
      ARRAY * PAGE_SIZE + port * 4,
      MASKED,
      true,
    );
    events().send(port);
    expect(word(port) >>> 0).toBe((PENDING | MASKED) >>> 0);
    expect(events().setPriority(port, 16)).toBe(EINVAL);
    expect(events().setPriority(port, 2)).toBe(0);
    events().unmask(port);
    expect([word(port) >>> 0, control(0), control(2 + 2)]).toEqual([(PENDING | LINKED) >>> 0, 1 << 2, port]);
  });

  test("needs the ABI to be chosen first", () => {
    expect(events().setPriority(events().bindIpi(0), 3)).toBe(ENOSYS);
  });

  test("reset goes back to two levels", () => {
    events().initControl(0, CONTROL, 0);
    events().expandArray(ARRAY);
    events().reset();
    const port = events().bindIpi(0);
    events().send(port);
    expect([port, pending(port), fake.xen.state.fifo]).toEqual([1, true, false]);
  });
});

describe("event_channel_op", () => {
  const put32 = (at: number, value: number) =>
    new DataView(fake.xen.memory.bytes(at, 4).buffer).setUint32(at, value, true);
  const call = (cmd: number) => Number(fake.call(HYPERCALL.event_channel_op, cmd, DATA));

  test("gives the port back in the structure", () => {
    put32(DATA, 1);
    expect(call(EVTCHNOP.bind_ipi)).toBe(0);
    expect(evtchnBindIpi.decode(fake.xen.memory.bytes(DATA, 8))).toEqual({ vcpu: 1, port: 1 });
  });

  test("status of a VIRQ has it where others have their remote domain", () => {
    events().bindVirq(VIRQ.TIMER, 1);
    evtchnStatus.writeTo(fake.xen.memory.bytes(DATA, 24), 0, { dom: SELF, port: 1 });
    expect(call(EVTCHNOP.status)).toBe(0);
    expect(evtchnStatus.decode(fake.xen.memory.bytes(DATA, 24))).toMatchObject({
      status: 4,
      vcpu: 1,
      remote_dom: 0,
    });
    evtchnStatus.writeTo(fake.xen.memory.bytes(DATA, 24), 0, { dom: SELF, port: 5000 });
    expect(call(EVTCHNOP.status)).toBe(EINVAL);
  });

  test("acts for no other domain", () => {
    put32(DATA, 0);
    expect(call(EVTCHNOP.alloc_unbound)).toBe(EPERM);
    put32(DATA, 77);
    expect(call(EVTCHNOP.alloc_unbound)).toBe(ESRCH);
    expect(call(14)).toBe(ENOSYS);
    expect(Number(fake.call(HYPERCALL.event_channel_op, EVTCHNOP.send, 0x10000))).toBe(-14);
  });

  test("whatever is asked, nothing breaks", () => {
    const any = fc.oneof(fc.nat(64), fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(14), fc.array(any, { minLength: 6, maxLength: 6 })), { maxLength: 40 }),
        (calls) => {
          for (const [cmd, words] of calls) {
            words.forEach((value, i) => {
              put32(DATA + 4 * i, value);
            });
            expect(call(cmd)).toBeLessThanOrEqual(0);
            expect(call(cmd)).toBeGreaterThan(-200);
          }
        },
      ),
    );
  });
});
