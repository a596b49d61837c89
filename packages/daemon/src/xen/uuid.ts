/** The 16 bytes of a domain's handle, in the order of the uuid's digits. */
export function handleOf(uuid: string): Uint8Array {
  return Uint8Array.from(Buffer.from(uuid.replaceAll("-", ""), "hex"));
}

export function uuidOf(handle: Uint8Array): string {
  const digits = Buffer.from(handle).toString("hex");
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
