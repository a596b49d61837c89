const colons = /^[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5}$/;

/** The address in lower case; undefined when it is none that an interface can have. */
export function normalMac(text: string): string | undefined {
  const mac = text.toLowerCase();
  // Bit 0 of the first byte: a group of interfaces.
  const single = colons.test(mac) && (Number.parseInt(mac.slice(0, 2), 16) & 1) === 0;
  return single && mac !== "00:00:00:00:00:00" ? mac : undefined;
}
