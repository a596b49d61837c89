import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { statSync } from "node:fs";
import { PvhError } from "@pvh/errors";
import { interfaceIndex } from "../../host/interfaces.ts";
import { openTap } from "../../host/tap.ts";
import { gsoExtra, type RxPacket, TestGuest } from "./net.testing.ts";
import {
  counted,
  ethernet,
  internetChecksum,
  ipv4,
  ipv6,
  pseudoSum,
  tcp,
  withHeader,
} from "./packets.testing.ts";

/**
 * What the network back end does with a real TAP, checked from both sides: `node tap.testing.ts CASE` in a network
 * namespace of its own, with the rights to make interfaces. Status 0 when all is well.
 */

const HOST = "10.77.0.1";
const GUEST = "10.77.0.2";
const GUEST_MAC = [0, 0x16, 0x3e, 0, 0, 1];
const UDP = 17;
const CSUM_BLANK = { tx: 1, rx: 2 };

const ip = (...args: string[]) => execFileSync("ip", args, { stdio: ["ignore", "ignore", "inherit"] });
const be16 = (bytes: Uint8Array, at: number) => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
const soon = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Runs `step` until it gives something. */
async function until<T>(what: string, step: () => T | undefined | Promise<T | undefined>): Promise<T> {
  for (const end = Date.now() + 10_000; Date.now() < end; await soon(20)) {
    const result = await step();
    if (result !== undefined) return result;
  }
  throw new Error(`${what} did not happen`);
}

/** A guest on a TAP that hands each packet to `handle` and never runs out of buffers. */
async function guestOn(
  name: string,
  nodes: Record<string, string | undefined>,
  handle: (packet: RxPacket, guest: TestGuest) => void,
  bridge?: string,
): Promise<TestGuest> {
  const guest = new TestGuest({}, openTap({ name, bridge }));
  guest.onNotified = (which) => {
    if (which !== "rx") return;
    const packets = guest.received();
    guest.setShared("rx", { rsp_event: guest.shared("rx").rsp_prod + 1 });
    setImmediate(() => guest.post(packets.reduce((sum, { slots }) => sum + slots, 0)));
    for (const packet of packets) handle(packet, guest);
  };
  await guest.connect(nodes);
  guest.post(256);
  return guest;
}

/** Answers ARP and sends UDP back; the answer's checksum is left open where `offload`. */
function echo(offload: boolean, udpSeen: (packet: RxPacket) => void) {
  return (packet: RxPacket, guest: TestGuest) => {
    const { bytes } = packet;
    if (be16(bytes, 12) === 0x0806 && bytes[41] === 2) {
      const reply = bytes.slice(0, 42);
      reply.set([...bytes.slice(6, 12), ...GUEST_MAC], 0);
      reply.set(
        [0, 2, ...GUEST_MAC, ...bytes.slice(38, 42), ...bytes.slice(22, 28), ...bytes.slice(28, 32)],
        20,
      );
      guest.send([reply]);
    } else if (be16(bytes, 12) === 0x0800 && bytes[23] === UDP) {
      udpSeen(packet);
      const reply = bytes.slice();
      reply.set([...bytes.slice(6, 12), ...bytes.slice(0, 6)], 0);
      reply.set([...bytes.slice(30, 34), ...bytes.slice(26, 30)], 26);
      reply.set([...bytes.slice(36, 38), ...bytes.slice(34, 36)], 34);
      const pseudo = udpPseudoSum(reply);
      const open = [pseudo >> 8, pseudo & 0xff];
      reply.set(open, 40);
      if (!offload) {
        const sum = internetChecksum([...reply.slice(34)]);
        reply.set([sum >> 8, sum & 0xff], 40);
      }
      guest.send([reply.slice(0, 50), reply.slice(50)], offload ? CSUM_BLANK.tx : 0);
    }
  };
}

function udpPseudoSum(packet: Uint8Array): number {
  const length = packet.length - 34;
  return ~internetChecksum([...packet.slice(26, 34), 0, UDP, length >> 8, length & 0xff]) & 0xffff;
}

/** The host's own stack talks to a guest, with checksum offload and without. */
async function udp(): Promise<void> {
  for (const [name, offload] of [
    ["vif7.0", true],
    ["lan7", false],
  ] as const) {
    const seen: RxPacket[] = [];
    const nodes = offload ? {} : { "feature-no-csum-offload": "1", "feature-ipv6-csum-offload": "0" };
    const guest = await guestOn(
      name,
      nodes,
      echo(offload, (packet) => seen.push(packet)),
    );
    ip("address", "add", `${HOST}/24`, "dev", name);
    const socket = createSocket("udp4").bind(0, HOST);
    await once(socket, "listening");
    const answers: Buffer[] = [];
    socket.on("message", (message) => answers.push(message));
    for (const size of [1, 18, 1000, 1472]) {
      const message = Buffer.from(counted(size));
      await until(`an answer of ${size} bytes`, async () => {
        socket.send(message, 9000, GUEST);
        await soon(20);
        return answers.some((answer) => answer.equals(message)) ? true : undefined;
      });
    }
    for (const packet of seen) {
      assert.equal((packet.flags & CSUM_BLANK.rx) !== 0, offload, "who completes the checksum");
      const expected = udpPseudoSum(packet.bytes);
      const all = internetChecksum([expected >> 8, expected & 0xff, ...packet.bytes.slice(34)]);
      if (offload) assert.equal(be16(packet.bytes, 40), expected, "the pseudo header's sum");
      else assert.equal(all, 0, "a right checksum");
    }
    socket.close();
    await guest.device.remove({ force: true });
    assert.equal(interfaceIndex(name), undefined, "the interface goes with its device");
  }
}

/** Three guests on a bridge: what one sends whole arrives whole where it may, and in segments elsewhere. */
async function segments(): Promise<void> {
  ip("link", "add", "br7", "type", "bridge");
  ip("link", "set", "br7", "up");
  const whole: RxPacket[] = [];
  const cut: RxPacket[] = [];
  const small = { "feature-sg": "0", "feature-no-csum-offload": "1", "feature-ipv6-csum-offload": "0" };
  const isTcp = ({ bytes }: RxPacket) => bytes[6] === 2 && bytes[11] === 1;
  const guests = [
    await guestOn("a", {}, () => undefined, "br7"),
    await guestOn("b", {}, (packet) => isTcp(packet) && whole.push(packet), "br7"),
    await guestOn("c", small, (packet) => isTcp(packet) && cut.push(packet), "br7"),
  ];
  const data = counted(20_000);
  for (const family of [4, 6] as const) {
    const segment = tcp(data, pseudoSum(family, 6, 20 + data.length));
    const packet = family === 4 ? ethernet(0x0800, ipv4(6, segment)) : ethernet(0x86dd, ipv6(6, segment));
    packet.fill(0xff, 0, 6);
    const pieces = Array.from({ length: 5 }, (_, i) => packet.slice(i * 4096, (i + 1) * 4096));
    whole.length = 0;
    cut.length = 0;
    await until(`TCP on IPv${family}`, async () => {
      guests[0]?.send(pieces, CSUM_BLANK.tx, [gsoExtra(1400, family === 4 ? 1 : 2)]);
      await soon(50);
      return whole.length > 0 && cut.length > 0 ? true : undefined;
    });
    const header = packet.length - data.length;
    assert.deepEqual(whole[0]?.gso, { size: 1400, type: family === 4 ? 1 : 2 });
    assert.equal((whole[0]?.flags ?? 0) & CSUM_BLANK.rx, CSUM_BLANK.rx);
    assert.deepEqual(whole[0]?.bytes, packet);
    const first = cut.slice(0, Math.ceil(data.length / 1400));
    assert.deepEqual(
      first.flatMap(({ bytes }) => [...bytes.slice(header)]),
      data,
    );
    for (const { bytes, slots, flags } of first) {
      assert.equal(slots, 1);
      assert.equal(flags & CSUM_BLANK.rx, 0);
      const pseudo = pseudoSum(family, 6, bytes.length - (header - 20));
      assert.equal(internetChecksum([pseudo >> 8, pseudo & 0xff, ...bytes.slice(header - 20)]), 0);
    }
  }
  for (const guest of guests) await guest.device.remove({ force: true });
}

/** What the host does not allow is said in words. */
function refusals(): void {
  const refused = (options: Parameters<typeof openTap>[0]): PvhError => {
    try {
      openTap(options).close();
    } catch (error) {
      if (error instanceof PvhError) return error;
      throw error;
    }
    throw new Error(`${JSON.stringify(options)} was not refused`);
  };
  const check = (options: Parameters<typeof openTap>[0], code: string, message: RegExp, found: unknown) => {
    const error = refused(options);
    assert.equal(error.code, code);
    assert.match(error.message, message);
    assert.equal(error.details.found, found);
    if (options.name !== "taken" && options.name.length < 16) {
      assert.equal(interfaceIndex(options.name), undefined, "nothing is left behind");
    }
  };
  const taken = openTap({ name: "taken", mtu: 9000 });
  assert.match(taken.warning ?? "", /no bridge.*xenbr0/);
  check({ name: "x", bridge: "nobridge" }, "HOST_NETWORK", /ip link add nobridge type bridge/, "nobridge");
  check({ name: "x", bridge: "lo" }, "HOST_NETWORK", /no Linux bridge/, "lo");
  check({ name: "x", mtu: 9 }, "HOST_NETWORK", /68 to 65521/, 9);
  check({ name: "taken" }, "HOST_NETWORK", /another vifname/, "EBUSY");
  for (const name of ["", "a name", "x%d", "a/b", ".", "sixteen-letters!"]) {
    check({ name }, "CONFIG_INVALID", /vifname/, name);
  }
  ip("link", "add", "xenbr0", "type", "bridge");
  const attached = openTap({ name: "y" });
  assert.deepEqual([attached.bridge, attached.warning], ["xenbr0", undefined]);
  attached.close();
  taken.close();
  process.setuid?.(65534);
  // Distributions differ in who may open it.
  const { mode } = statSync("/dev/net/tun");
  if ((mode & 0o006) === 0o006) check({ name: "x" }, "HOST_NETWORK", /CAP_NET_ADMIN/, "EPERM");
  else check({ name: "x" }, "HOST_NETWORK", /let this user read and write it/, "EACCES");
}

/** Packets per second of the back end alone, with a front end in the same process that does as good as nothing. */
async function figures(): Promise<void> {
  const count = 100_000;
  const batch = 128;
  const measure = async (what: string, work: () => unknown) => {
    const [begin, cpu] = [performance.now(), process.cpuUsage()];
    await work();
    const { user, system } = process.cpuUsage(cpu);
    const perSecond = Math.round(count / ((performance.now() - begin) / 1000));
    process.stdout.write(
      `${JSON.stringify({ what, perSecond, cpuMicroseconds: (user + system) / count })}\n`,
    );
  };
  ip("link", "add", "br7", "type", "bridge");
  ip("link", "set", "br7", "up");
  for (const size of [60, 1514]) {
    const source = openTap({ name: "source", bridge: "br7" });
    const packet = withHeader(ethernet(0x88b5, counted(size - 14)));
    let received = 0;
    const guest = await guestOn("vif7.0", {}, () => undefined, "br7");
    let seen = 0;
    guest.onNotified = (which) => {
      if (which !== "rx") return;
      const end = guest.shared("rx").rsp_prod;
      guest.setShared("rx", { rsp_event: end + 1 });
      received += end - seen;
      guest.post(end - seen);
      seen = end;
    };
    await until("a packet through the bridge", () => {
      source.send(packet, packet.length);
      return received > 0 ? true : undefined;
    });
    await measure(`${size} bytes written to a TAP and read from another by a guest`, async () => {
      received = 0;
      for (let sent = 0; sent < count; sent += batch) {
        for (let i = 0; i < batch; i++) source.send(packet, packet.length);
        while (received < sent) await new Promise(setImmediate);
      }
    });
    await measure(`${size} bytes from a guest`, async () => {
      const request = guest.buffer(packet.subarray(10), { flags: 0 });
      const start = guest.shared("tx").rsp_prod;
      for (let sent = 0; sent < count; sent += batch) {
        for (let i = 0; i < batch; i++) guest.put(request);
        guest.push();
        while (guest.shared("tx").rsp_prod < start + sent + batch) await new Promise(setImmediate);
      }
    });
    await guest.device.remove({ force: true });
    await measure(`${size} bytes written to a TAP`, () => {
      for (let i = 0; i < count; i++) source.send(packet, packet.length);
    });
    source.close();
  }
}

const cases: Record<string, () => unknown> = { udp, segments, refusals, figures };
await cases[process.argv[2] ?? ""]?.();
