import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";

const ECHO_PORT = 5001;
const DISCARD_PORT = 9;

export interface UdpPeer {
  /** What a network guest has to be told on its command line. */
  words: string;
  close(): void;
}

/** The host that a network guest talks to: answers its datagrams, or takes them. `host` has to be an address of this machine. */
export async function startUdpPeer(host: string, guest: string): Promise<UdpPeer> {
  const echo = await bound(host, ECHO_PORT);
  echo.on("message", (message, { port, address }) => echo.send(message, port, address));
  const discard = await bound(host, DISCARD_PORT);
  return {
    words: `ip=${hex(guest)} peer=${hex(host)} udp=${ECHO_PORT}`,
    close() {
      for (const socket of [echo, discard]) socket.close();
    },
  };
}

async function bound(host: string, port: number): Promise<Socket> {
  const socket = createSocket("udp4");
  socket.bind(port, host);
  await once(socket, "listening");
  return socket;
}

function hex(address: string): string {
  const bytes = address.split(".").map((part) => Number(part).toString(16).padStart(2, "0"));
  return `0x${bytes.join("")}`;
}
