import { VIRQ } from "@pvh/abi";
import { beforeEach, expect, test } from "vitest";
import { DomainClock } from "./clock.ts";
import { VcpuTimers } from "./timers.ts";
import { RUNSTATE, type VcpuState } from "./vcpu-state.ts";
import { type FakeXen, fakeXen } from "./xen.testing.ts";

let fake: FakeXen;
let state: VcpuState;
let timers: VcpuTimers;
let port: number;

beforeEach(() => {
  fake = fakeXen();
  const [first] = fake.xen.vcpus;
  if (first === undefined) throw new Error("a domain has a vCPU");
  state = first;
  timers = new VcpuTimers(0, state, fake.xen.state, fake.xen.events, undefined);
  port = fake.xen.events.bindVirq(VIRQ.TIMER, 0);
});

function raised(): boolean {
  const was = fake.xen.events.isPending(port);
  const { words, at } = fake.xen.infos.shared;
  words.fill(0, (at + 0x800) / 4, (at + 0xa00) / 4);
  return was;
}

test("a single-shot timer goes off once, when it is due", () => {
  state.singleShot = 1000;
  expect(timers.next()).toBe(1000);
  timers.expire(999);
  expect(raised()).toBe(false);
  timers.expire(1000);
  expect([raised(), timers.next()]).toEqual([true, Number.POSITIVE_INFINITY]);
  timers.expire(2000);
  expect(raised()).toBe(false);
});

test("a periodic timer makes one event of what was missed", () => {
  state.setPeriod(100, 100);
  timers.expire(450);
  expect([raised(), timers.next()]).toEqual([true, 500]);
  timers.expire(499);
  expect(raised()).toBe(false);
});

test("a watchdog is the first vCPU's to keep", () => {
  fake.xen.state.setWatchdog(1, 5000);
  const other = new VcpuTimers(1, state, fake.xen.state, fake.xen.events, undefined);
  expect([timers.next(), other.next()]).toEqual([5000, Number.POSITIVE_INFINITY]);
  expect([timers.expire(4999), timers.expire(5000), other.expire(9000)]).toEqual([false, true, false]);
});

test("times of the runstates add up", () => {
  state.enterRunstate(RUNSTATE.running, 0);
  state.enterRunstate(RUNSTATE.blocked, 700);
  state.enterRunstate(RUNSTATE.running, 1000);
  expect([state.timeIn(RUNSTATE.running), state.timeIn(RUNSTATE.blocked), state.stateEntry]).toEqual([
    700, 300, 1000,
  ]);
});

test("the guest's clock follows the host's without a step", () => {
  const { xen } = fake;
  let host = 0;
  // The TSC runs 200 ppm faster than it is said to.
  const tscAt = (time: number) => BigInt(Math.round(time * 2 * 1.0002));
  const clock = new DomainClock(xen.state, 2_000_000, () => host);
  let before = 0;
  for (let second = 0; second < 20; second++) {
    host = second * 1e9 + 1e9;
    const guest = clock.guestTime(tscAt(host));
    expect(guest).toBeGreaterThanOrEqual(before);
    clock.calibrate(host, () => tscAt(host));
    before = clock.guestTime(tscAt(host));
    expect(Math.abs(before - guest)).toBeLessThan(1000);
  }
  expect(Math.abs(before - host)).toBeLessThan(300_000);
});

test("the clock jumps forward when it is far behind", () => {
  let host = 5e9;
  const clock = new DomainClock(fake.xen.state, 2_000_000, () => host);
  clock.calibrate(host, () => 2_000_000_000n);
  expect(Math.abs(clock.guestTime(2_000_000_000n) - 5e9)).toBeLessThan(10);
  host = 6.5e9;
  expect(Math.abs(clock.guestTime(5_000_000_000n) - 6.5e9)).toBeLessThan(10_000);
});
