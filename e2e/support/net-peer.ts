/**
 * The host that a network guest talks to: makes a bridge in this process's network namespace, which has to be one of its
 * own, answers the guest's datagrams, and runs the guest to its end.
 *
 *     unshare --net node e2e/support/net-peer.ts KERNEL [WORD...]
 *
 * WORDs go on the guest's command line. Prints what `pvhctl run` prints and ends as it does.
 */
import { execFileSync } from "node:child_process";
import { runGuest } from "./guest-runs.ts";
import { startUdpPeer } from "./udp-peer.ts";

const BRIDGE = "xenbr0";
const HOST = "10.77.0.1";
const GUEST = "10.77.0.2";

const [kernel = "", ...words] = process.argv.slice(2);

const ip = (...args: string[]) => execFileSync("ip", args, { stdio: ["ignore", "ignore", "inherit"] });
ip("link", "set", "lo", "up");
ip("link", "add", BRIDGE, "type", "bridge");
ip("addr", "add", `${HOST}/24`, "dev", BRIDGE);
ip("link", "set", BRIDGE, "up");

const peer = await startUdpPeer(HOST, GUEST);
const { stdout, stderr, status } = await runGuest(
  { kernel, cmdline: [peer.words, ...words].join(" ") },
  { lines: [`vif = ["bridge=${BRIDGE}"]`] },
);
process.stdout.write(stdout);
process.stderr.write(stderr);
process.exitCode = status ?? 1;
peer.close();
