import { virtioNetHdr } from "@pvh/abi";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { XENBUS } from "../xenbus.ts";
import { gsoExtra, mcastExtra, settled, TestGuest } from "./net.testing.ts";
import {
  counted,
  ethernet,
  internetChecksum,
  ipv4,
  ipv6,
  pseudoSum,
  tcp,
  udp,
  withHeader,
} from "./packets.testing.ts";

const NEEDS_CSUM = 1;
const DATA_VALID = 2;
const TCPV4 = 1;
const TCPV6 = 4;
const [OKAY, ERROR, DROPPED, NULL] = [0, -1, -2, 1];
const TX = { csum_blank: 1, data_validated: 2, more_data: 4, extra_info: 8 };
const RX = { data_validated: 1, csum_blank: 2 };

const frame = (length: number) => ethernet(0x88b5, counted(length - 14));
const tcp4 = (data: number, checksum = 0) => ethernet(0x0800, ipv4(6, tcp(counted(data), checksum)));
const tcp6 = (data: number, checksum = 0) => ethernet(0x86dd, ipv6(6, tcp(counted(data), checksum)));
const udp4 = (data: number, checksum = 0) => ethernet(0x0800, ipv4(17, udp(counted(data), checksum)));
const arp = ethernet(0x0806, counted(46));

let guest: TestGuest;
const connected = async (...options: Parameters<TestGuest["connect"]>) => {
  guest = new TestGuest();
  await guest.connect(...options);
};
const statuses = () => guest.responses().map(({ status }) => status);
const sent = () => guest.port.sent.map((packet) => packet.frame);
const sentHeader = () => virtioNetHdr.decode(guest.port.sent.at(-1)?.header ?? new Uint8Array(10));

afterEach(async () => {
  await guest.device.remove({ force: true });
  expect(guest.inUse).toEqual(new Map());
  expect(guest.bound).toEqual([]);
  expect(guest.port).toMatchObject({ closed: true, carrier: false, listening: false });
});

describe("the handshake", () => {
  test("goes over InitWait to Connected, and features are there before", async () => {
    guest = new TestGuest();
    await settled();
    expect(guest.back("state")).toBe("2");
    expect(guest.port.carrier).toBe(false);
    for (const name of [
      "feature-sg",
      "feature-gso-tcpv4",
      "feature-rx-copy",
      "feature-split-event-channels",
    ]) {
      expect(guest.back(name), name).toBe("1");
    }
    expect(guest.back("feature-rx-flip")).toBe("0");
    expect(guest.back("multi-queue-max-queues")).toBe("1");
    await guest.connect();
    expect(guest.device.state).toBe(XENBUS.connected);
    expect(guest.port.carrier).toBe(true);
    expect(guest.port.offloads).toEqual({ checksum: true, tcp4: true, tcp6: true });
    expect([...guest.inUse.keys()]).toEqual([0, 1]);
  });

  test("may be done again after the front end has closed", async () => {
    await connected();
    guest.send([frame(60)]);
    await guest.setState(XENBUS.closing);
    await guest.setState(XENBUS.closed);
    expect(guest.device.state).toBe(XENBUS.closed);
    expect(guest.inUse).toEqual(new Map());
    expect(guest.port).toMatchObject({ carrier: false, listening: false });
    expect(guest.port.offloads).toEqual({ checksum: false, tcp4: false, tcp6: false });
    guest.notify("tx");
    await guest.setState(XENBUS.initialising);
    await guest.connect();
    guest.send([frame(61)]);
    expect(sent().map(({ length }) => length)).toEqual([60, 61]);
  });

  test.for<[string, Record<string, string>]>([
    ["a ring that is not granted", { "tx-ring-ref": "77" }],
    ["a port that does not exist", { "event-channel-rx": "99" }],
    ["one port for both", { "event-channel-tx": "5", "event-channel-rx": "99" }],
    ["two queues", { "multi-queue-num-queues": "2" }],
  ])("is refused with %s, and everything is given back", async ([, nodes]) => {
    await connected(nodes);
    expect(guest.device.state).toBe(XENBUS.closed);
    expect(guest.back("error")).toBeDefined();
    expect(guest.inUse).toEqual(new Map());
    expect(guest.bound).toEqual([]);
  });

  test("packets from before it are not for this front end", async () => {
    guest = new TestGuest();
    guest.port.queue.push(withHeader(arp));
    await guest.connect();
    guest.post(4);
    guest.port.arrive(withHeader(frame(70)));
    expect(guest.received().map(({ bytes }) => bytes.length)).toEqual([70]);
  });

  test("requests from before it are served", async () => {
    guest = new TestGuest();
    guest.send([frame(60)]);
    await guest.connect();
    expect(sent()).toEqual([frame(60)]);
  });
});

describe("from the guest", () => {
  beforeEach(() => connected());

  test("a packet goes out as it is", () => {
    guest.send([frame(1514)]);
    expect(sent()).toEqual([frame(1514)]);
    expect(sentHeader()).toMatchObject({ flags: 0, gso_type: 0 });
    expect(guest.responses()).toEqual([{ id: 0, status: OKAY }]);
    expect(guest.notified.tx).toBe(1);
    expect([...guest.inUse.keys()]).toEqual([0, 1]);
  });

  test("the guest is notified only when it wants to be", () => {
    guest.setShared("tx", { rsp_event: 3 });
    guest.send([frame(60)]);
    guest.send([frame(60)]);
    expect(guest.notified.tx).toBe(0);
    guest.send([frame(60)]);
    expect(guest.notified.tx).toBe(1);
    expect(guest.shared("tx").req_event).toBe(4);
  });

  test("fragments anywhere in their pages are put together", () => {
    const whole = frame(9000);
    const cuts = [0, 100, 4000, 4001, 8000, 9000];
    cuts.slice(1).forEach((end, i) => {
      const start = cuts[i] ?? 0;
      const last = end === 9000;
      const values = { offset: i === 0 ? 3996 : 64 + i, flags: last ? 0 : TX.more_data };
      guest.put(guest.buffer(whole.slice(start, end), i === 0 ? { ...values, size: whole.length } : values));
    });
    guest.push();
    expect(sent()).toEqual([whole]);
    expect(statuses()).toEqual([OKAY, OKAY, OKAY, OKAY, OKAY]);
  });

  test("64 KiB in 17 slots and an extra info", () => {
    const whole = tcp4(65535 - 54);
    const pieces = Array.from({ length: 16 }, (_, i) => whole.slice(i * 4096, (i + 1) * 4096));
    guest.send([new Uint8Array(whole.slice(0, 0)), ...pieces], TX.csum_blank, [gsoExtra(1448, 1)]);
    expect(sent()).toEqual([whole]);
    expect(sentHeader()).toEqual({
      flags: NEEDS_CSUM,
      gso_type: TCPV4,
      hdr_len: 54,
      gso_size: 1448,
      csum_start: 34,
      csum_offset: 16,
    });
    expect(statuses()).toEqual([OKAY, NULL, ...Array<number>(16).fill(OKAY)]);
  });

  test.for([
    ["TCP on IPv4", tcp4(100, 0x1234), 34, 16],
    ["UDP on IPv4", udp4(100, 0x1234), 34, 6],
    ["TCP on IPv6", tcp6(100, 0x1234), 54, 16],
  ] as const)("a blank checksum of %s is left to the host", ([, packet, csum_start, csum_offset]) => {
    guest.send([packet], TX.csum_blank | TX.data_validated);
    expect(sent()).toEqual([packet]);
    expect(sentHeader()).toMatchObject({ flags: NEEDS_CSUM, gso_type: 0, csum_start, csum_offset });
  });

  test("a validated checksum is said to be so", () => {
    guest.send([tcp4(10)], TX.data_validated);
    expect(sentHeader()).toMatchObject({ flags: DATA_VALID });
  });

  test.for([
    [4, tcp4(5000, 0xabcd), 1, TCPV4],
    [6, tcp6(5000, 0xabcd), 2, TCPV6],
  ] as const)(
    "segmentation of IPv%i with a complete checksum starts it anew",
    ([family, packet, type, gso_type]) => {
      guest.send([packet.slice(0, 4000), packet.slice(4000)], 0, [gsoExtra(1400, type)]);
      const [out = new Uint8Array()] = sent();
      const header = sentHeader();
      expect(header).toMatchObject({ flags: NEEDS_CSUM, gso_type, gso_size: 1400 });
      const at = header.csum_start + header.csum_offset;
      expect((out[at] ?? 0) * 256 + (out[at + 1] ?? 0)).toBe(pseudoSum(family, 6, 5020));
    },
  );

  test.for<[string, () => void]>([
    ["a packet shorter than an Ethernet header", () => guest.send([frame(60).slice(0, 13)])],
    ["an ungranted page", () => guest.put({ gref: 9999, size: 60, id: 1 })],
    ["a blank checksum of ARP", () => guest.send([arp], TX.csum_blank)],
    ["segmentation to nothing", () => guest.send([tcp4(5)], TX.csum_blank, [gsoExtra(0, 1)])],
    ["segmentation of UDP", () => guest.send([udp4(500)], TX.csum_blank, [gsoExtra(100, 1)])],
    ["segmentation of the other IP", () => guest.send([tcp6(500)], TX.csum_blank, [gsoExtra(100, 1)])],
    ["an unknown segmentation", () => guest.send([tcp4(500)], TX.csum_blank, [gsoExtra(100, 3)])],
    ["a hash", () => guest.send([frame(60)], 0, [Uint8Array.of(4, 0, 0, 0, 0, 0, 0, 0)])],
  ])("%s is refused, and the next packet goes out", ([, send]) => {
    send();
    guest.push();
    guest.send([frame(99)]);
    expect(sent()).toEqual([frame(99)]);
    const status = statuses();
    expect(status[0]).toBe(ERROR);
    expect(status.at(-1)).toBe(OKAY);
    expect(guest.device.state).toBe(XENBUS.connected);
  });

  test("fragments larger than the packet are refused together", () => {
    guest.put(guest.buffer(frame(100), { size: 100, flags: TX.more_data }));
    guest.put(guest.buffer(frame(60), { size: 60, flags: TX.more_data }));
    guest.put(guest.buffer(frame(60), { size: 60 }));
    guest.push();
    expect(statuses()).toEqual([ERROR, ERROR, ERROR]);
    expect(sent()).toEqual([]);
  });

  test("what the host does not take is dropped", () => {
    guest.port.refuses = true;
    guest.send([frame(60)]);
    expect(statuses()).toEqual([DROPPED]);
  });

  test.for<[string, () => void, RegExp]>([
    ["more requests than entries", () => guest.setShared("tx", { req_prod: 257 }), /more requests/],
    [
      "a fragment that leaves its page",
      () => guest.put(guest.buffer(frame(60), { size: 4000, offset: 100 })),
      /beyond its page/,
    ],
    ["a packet without end", () => guest.put(guest.buffer(frame(60), { flags: TX.more_data })), /middle/],
    [
      "too many slots",
      () => {
        for (let i = 0; i < 40; i++) guest.put(guest.buffer(frame(14), { size: 900, flags: TX.more_data }));
      },
      /slots/,
    ],
    [
      "an extra info that is missing",
      () => guest.put(guest.buffer(frame(60), { flags: TX.extra_info })),
      /extra/,
    ],
    ["an extra info of type 0", () => guest.send([frame(60)], 0, [new Uint8Array(8)]), /type 0/],
    [
      "an extra info of type 9",
      () => guest.send([frame(60)], 0, [Uint8Array.of(9, 0, 0, 0, 0, 0, 0, 0)]),
      /type 9/,
    ],
    ["extra infos without end", () => guest.send([frame(60)], 0, [gsoExtra(9, 1, 1)]), /extra/],
  ])("%s ends the connection", async ([name, put, message]) => {
    put();
    if (name === "more requests than entries") guest.notify("tx");
    else guest.push();
    expect(guest.port.listening).toBe(false);
    await settled();
    expect(guest.device.state).toBe(XENBUS.closed);
    expect(guest.back("error")).toMatch(message);
    expect(sent()).toEqual([]);
    guest.notify("tx");
    guest.port.readable();
  });

  test("a guest that floods lets others have their turn", async () => {
    for (let i = 0; i < 200; i++) guest.put(guest.buffer(frame(60)));
    guest.push();
    expect(sent().length).toBe(64);
    guest.notify("tx");
    expect(sent().length).toBe(64);
    await settled();
    expect(sent().length).toBe(200);
    expect(statuses().every((status) => status === OKAY)).toBe(true);
  });
});

describe("to the guest", () => {
  beforeEach(async () => {
    await connected();
    guest.post(64);
  });

  test("a packet comes as it is", () => {
    guest.port.arrive(withHeader(frame(1514)));
    expect(guest.received()).toEqual([{ bytes: frame(1514), flags: 0, slots: 1 }]);
    expect(guest.notified.rx).toBe(1);
  });

  test("a packet larger than a page takes several buffers", () => {
    guest.port.arrive(withHeader(frame(9014)), withHeader(frame(60)));
    const [large, small] = guest.received();
    expect(large).toMatchObject({ bytes: frame(9014), slots: 3 });
    expect(small).toMatchObject({ bytes: frame(60), slots: 1 });
  });

  test("segments come whole, with their size", () => {
    const header = {
      flags: NEEDS_CSUM,
      gso_type: TCPV4,
      gso_size: 1448,
      hdr_len: 54,
      csum_start: 34,
      csum_offset: 16,
    };
    const packet = tcp4(65535 - 40);
    guest.port.arrive(withHeader(packet, header));
    expect(guest.received()).toMatchObject([{ bytes: packet, gso: { size: 1448, type: 1 }, slots: 18 }]);
    const header6 = { ...header, gso_type: TCPV6, csum_start: 54 };
    guest.port.arrive(withHeader(tcp6(3000), header6), withHeader(frame(60)));
    const [segments, other] = guest.received();
    expect(segments).toMatchObject({ gso: { size: 1448, type: 2 }, slots: 2 });
    expect((segments?.flags ?? 0) & 3).toBe(RX.csum_blank | RX.data_validated);
    expect(other).toEqual({ bytes: frame(60), flags: 0, slots: 1 });
  });

  test("an open checksum is left to the guest", () => {
    guest.port.arrive(withHeader(udp4(100), { flags: NEEDS_CSUM, csum_start: 34, csum_offset: 6 }));
    expect(guest.received()).toEqual([
      { bytes: udp4(100), flags: RX.csum_blank | RX.data_validated, slots: 1 },
    ]);
    guest.port.arrive(withHeader(udp4(100), { flags: DATA_VALID }));
    expect(guest.received()).toMatchObject([{ flags: RX.data_validated }]);
  });

  test("packets wait for buffers, and the guest's event brings them", () => {
    guest.port.arrive(...Array.from({ length: 70 }, (_, i) => withHeader(frame(60 + i))));
    expect(guest.received().length).toBe(64);
    expect(guest.port.listening).toBe(false);
    expect(guest.shared("rx").req_event).toBe(65);
    guest.post(3);
    expect(guest.received().map(({ bytes }) => bytes.length)).toEqual([124, 125, 126]);
    guest.post(10);
    guest.port.arrive();
    expect(guest.received().map(({ bytes }) => bytes.length)).toEqual([127, 128, 129]);
    expect(guest.port.listening).toBe(true);
  });

  test("a large packet asks for as many buffers as it needs", () => {
    guest.port.arrive(...Array.from({ length: 62 }, () => withHeader(frame(60))), withHeader(frame(16_000)));
    expect(guest.received().length).toBe(62);
    expect(guest.shared("rx").req_event).toBe(66);
    guest.post(1);
    expect(guest.received()).toEqual([]);
    guest.post(1);
    expect(guest.received()).toMatchObject([{ bytes: frame(16_000), slots: 4 }]);
  });

  test("a buffer that is not granted for writing loses its packet only", () => {
    guest.grants.set(1000, { frame: 400, readOnly: true });
    guest.port.arrive(withHeader(frame(60)), withHeader(frame(61)));
    expect(() => guest.received()).toThrow("receive status -1");
    expect(guest.received().map(({ bytes }) => bytes.length)).toEqual([61]);
  });

  test("more buffers than entries end the connection", async () => {
    guest.setShared("rx", { req_prod: 300 });
    guest.port.arrive(withHeader(frame(60)));
    await settled();
    expect(guest.device.state).toBe(XENBUS.closed);
    expect(guest.back("error")).toMatch(/receive ring/);
  });

  test("when the interface of the host is gone, nothing is asked any more", () => {
    guest.port.receive = () => -1;
    guest.port.readable();
    expect(guest.port.listening).toBe(false);
    expect(guest.device.state).toBe(XENBUS.connected);
  });
});

describe("a front end that takes less", () => {
  test("without checksum offload gets complete checksums", async () => {
    await connected({ "feature-no-csum-offload": "1", "feature-ipv6-csum-offload": "0" });
    expect(guest.port.offloads).toEqual({ checksum: false, tcp4: false, tcp6: false });
    guest.post(4);
    const pseudo = pseudoSum(4, 6, 120);
    guest.port.arrive(withHeader(tcp4(100, pseudo), { flags: NEEDS_CSUM, csum_start: 34, csum_offset: 16 }));
    const right = internetChecksum([...tcp(counted(100), pseudo)]);
    expect(guest.received()).toEqual([{ bytes: tcp4(100, right), flags: RX.data_validated, slots: 1 }]);
  });

  test("without IPv6 offload gets complete IPv6 checksums and open IPv4 ones", async () => {
    await connected({ "feature-ipv6-csum-offload": "0" });
    expect(guest.port.offloads).toEqual({ checksum: true, tcp4: true, tcp6: false });
    guest.post(4);
    guest.port.arrive(
      withHeader(tcp6(100), { flags: NEEDS_CSUM, csum_start: 54, csum_offset: 16 }),
      withHeader(tcp4(100), { flags: NEEDS_CSUM, csum_start: 34, csum_offset: 16 }),
    );
    expect(guest.received().map(({ flags }) => flags)).toEqual([
      RX.data_validated,
      RX.csum_blank | RX.data_validated,
    ]);
  });

  test("an open checksum where no front end looks for it is completed", async () => {
    await connected();
    guest.post(4);
    // As of an inner packet of a tunnel.
    guest.port.arrive(withHeader(udp4(100), { flags: NEEDS_CSUM, csum_start: 60, csum_offset: 6 }));
    const [packet] = guest.received();
    expect(packet?.flags).toBe(RX.data_validated);
    const right = internetChecksum([...udp4(100).slice(60)]);
    expect([...(packet?.bytes.slice(66, 68) ?? [])]).toEqual([right >> 8, right & 0xff]);
  });

  test("without fragments gets no packet that needs them", async () => {
    await connected({ "feature-sg": "0" });
    guest.post(8);
    const header = { flags: NEEDS_CSUM, gso_type: TCPV4, gso_size: 1448, csum_start: 34, csum_offset: 16 };
    guest.port.arrive(withHeader(frame(5000)), withHeader(tcp4(2000), header), withHeader(frame(60)));
    expect(guest.received()).toMatchObject([{ bytes: frame(60) }]);
  });

  test("with one event channel is notified on it", async () => {
    await connected({
      "event-channel-tx": undefined,
      "event-channel-rx": undefined,
      "event-channel": "5",
    });
    guest.port.arrive(withHeader(frame(60)));
    guest.post(1);
    guest.send([frame(60)]);
    expect(guest.received().length).toBe(1);
    expect(guest.notified).toEqual({ tx: 2, rx: 0 });
  });

  test("that lists multicast groups gets only these", async () => {
    await connected({ "request-multicast-control": "1" });
    guest.post(8);
    const to = (...mac: number[]) => {
      const packet = frame(60);
      packet.set(mac);
      return withHeader(packet);
    };
    const group = [0x33, 0x33, 0, 0, 0, 9];
    const arrive = () => {
      guest.port.arrive(
        to(...group),
        to(1, 0, 0x5e, 0, 0, 1),
        to(255, 255, 255, 255, 255, 255),
        to(0, 22, 62, 0, 0, 1),
      );
      return guest.received().map(({ bytes }) => bytes[0]);
    };
    expect(arrive()).toEqual([255, 0]);
    guest.send([frame(60)], 0, [mcastExtra(2, Uint8Array.from(group))]);
    expect(arrive()).toEqual([0x33, 255, 0]);
    guest.send([frame(60)], 0, [mcastExtra(3, Uint8Array.from(group))]);
    expect(arrive()).toEqual([255, 0]);
    expect(sent()).toEqual([]);
    expect(statuses()).toEqual([OKAY, NULL, OKAY, NULL]);
  });
});

describe("over time", () => {
  beforeEach(() => {
    vi.useFakeTimers({
      toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance"],
    });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test("a front end that does not tell of its buffers is asked", async () => {
    await connected({ "feature-rx-notify": undefined });
    guest.port.arrive(withHeader(frame(60)));
    expect(guest.port.listening).toBe(false);
    const notify = vi.spyOn(guest, "notify").mockImplementation(() => undefined);
    guest.post(2);
    expect(guest.received()).toEqual([]);
    vi.advanceTimersByTime(30);
    expect(guest.received().length).toBe(1);
    expect(guest.port.listening).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
    notify.mockRestore();
  });

  test("packets that no buffer comes for are given up", async () => {
    await connected();
    guest.port.arrive(withHeader(frame(60)));
    guest.port.queue.push(withHeader(frame(61)));
    vi.advanceTimersByTime(10_000);
    expect(guest.port.listening).toBe(true);
    guest.post(3);
    guest.port.arrive(withHeader(frame(62)));
    expect(guest.received().map(({ bytes }) => bytes.length)).toEqual([62]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("a guest sends no faster than its rate", async () => {
    guest = new TestGuest({ rate: { bytes: 3000, microseconds: 50_000 } });
    await guest.connect();
    for (let i = 0; i < 6; i++) guest.put(guest.buffer(frame(1500)));
    guest.push();
    expect(sent().length).toBe(2);
    guest.notify("tx");
    expect(sent().length).toBe(2);
    vi.advanceTimersByTime(50);
    expect(sent().length).toBe(4);
    vi.advanceTimersByTime(50);
    expect(statuses()).toEqual([OKAY, OKAY, OKAY, OKAY, OKAY, OKAY]);
  });
});
