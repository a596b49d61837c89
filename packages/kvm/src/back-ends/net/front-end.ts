/** What a front end says about itself in its nodes. */
export interface FrontEnd {
  /** Grant references of the ring pages. */
  transmitRing: number;
  receiveRing: number;
  /** Its event channel ports; the same one twice when it has not split them. */
  transmitPort: number;
  receivePort: number;
  /** Takes packets of several fragments. */
  scatterGather: boolean;
  /** Completes TCP and UDP checksums. */
  checksum4: boolean;
  checksum6: boolean;
  /** Takes TCP packets larger than the MTU. */
  segments4: boolean;
  segments6: boolean;
  /** Wants only the multicast packets that it lists. */
  multicastControl: boolean;
  /** Sends an event when it has given new receive buffers. */
  notifiesReceive: boolean;
}

/** What the back end can do, for its own nodes. A second queue, hashing and the control ring are not offered. */
export const offeredFeatures: Readonly<Record<string, string>> = {
  "feature-sg": "1",
  "feature-gso-tcpv4": "1",
  "feature-gso-tcpv6": "1",
  "feature-ipv6-csum-offload": "1",
  "feature-rx-copy": "1",
  "feature-rx-flip": "0",
  "feature-multicast-control": "1",
  "feature-split-event-channels": "1",
  "multi-queue-max-queues": "1",
};

/**
 * Reads the nodes of a front end that says it is connected.
 *
 * @throws Error when it asks for something that was not offered, or says too little.
 */
export function readFrontEnd(read: (name: string) => string | undefined): FrontEnd {
  const number = (name: string): number => {
    const value = optionalNumber(name, read(name));
    if (value === undefined) throw new Error(`the front end has no ${name}`);
    return value;
  };
  const flag = (name: string) => (optionalNumber(name, read(name)) ?? 0) !== 0;

  if (!flag("request-rx-copy"))
    throw new Error("the front end does not set request-rx-copy, and pages are not flipped");
  const queues = optionalNumber("multi-queue-num-queues", read("multi-queue-num-queues")) ?? 1;
  if (queues !== 1) throw new Error(`the front end asks for ${queues} queues, 1 was offered`);
  const split = read("event-channel-tx") !== undefined;
  const transmitPort = number(split ? "event-channel-tx" : "event-channel");
  const scatterGather = flag("feature-sg");
  const checksum4 = !flag("feature-no-csum-offload");
  const checksum6 = flag("feature-ipv6-csum-offload");
  return {
    transmitRing: number("tx-ring-ref"),
    receiveRing: number("rx-ring-ref"),
    transmitPort,
    receivePort: split ? number("event-channel-rx") : transmitPort,
    scatterGather,
    checksum4,
    checksum6,
    segments4: flag("feature-gso-tcpv4") && scatterGather && checksum4,
    segments6: flag("feature-gso-tcpv6") && scatterGather && checksum6,
    multicastControl: flag("request-multicast-control"),
    notifiesReceive: flag("feature-rx-notify"),
  };
}

/** Undefined when the node does not exist. */
function optionalNumber(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (value <= 0xffffffff) return value;
  throw new Error(`the front end's ${name} is ${JSON.stringify(text.slice(0, 32))}, not a number of 32 bits`);
}
