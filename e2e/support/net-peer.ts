/**
 * The host that a network guest talks to: makes a bridge in this process's network namespace, which has to be one of its
 * own, answers the guest's datagrams, and runs the guest to its end.
 *
 *     unshare --net node e2e/support/net-peer.ts KERNEL [WORD...]
 *
 * WORDs go on the guest's command line. Prints what `pvhctl run` prints and ends as it does.
 */
import { execFileSync } from "node:child_process";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { runGuest } from "./guest-runs.ts";

const BRIDGE = "xenbr0";
const HOST = "10.77.0.1";
const GUEST = "10.77.0.2";
const ECHO_PORT = 5001;
const DISCARD_PORT = 9;

const [kernel = "", ...words] = process.argv.slice(2);

const ip = (...args: string[]) => execFileSync("ip", args, { stdio: ["ignore", "ignore", "inherit"] });
ip("link", "set", "lo", "up");
ip("link", "add", BRIDGE, "type", "bridge");
ip("addr", "add", `${HOST}/24`, "dev", BRIDGE);
ip("link", "set", BRIDGE, "up");

const echo = await bound(ECHO_PORT);
echo.on("message", (message, { port, address }) => echo.send(message, port, address));
const discard = await bound(DISCARD_PORT);

const cmdline = [`ip=${hex(GUEST)} peer=${hex(HOST)} udp=${ECHO_PORT}`, ...words].join(" ");
const { stdout, stderr, status } = await runGuest(
  { kernel, cmdline },
  { lines: [`vif = ["bridge=${BRIDGE}"]`] },
);
process.stdout.write(stdout);
process.stderr.write(stderr);
process.exitCode = status ?? 1;
for (const socket of [echo, discard]) socket.close();

async function bound(port: number): Promise<Socket> {
  const socket = createSocket("udp4");
  socket.bind(port, HOST);
  await once(socket, "listening");
  return socket;
}

function hex(address: string): string {
  const bytes = address.split(".").map((part) => Number(part).toString(16).padStart(2, "0"));
  return `0x${bytes.join("")}`;
}
