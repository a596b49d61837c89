import {
  ACPI_ADDRESS_SPACE,
  acpiAddress,
  acpiFacs,
  acpiHeader,
  acpiRsdp,
  RSDP_CHECKSUM_LENGTH,
} from "@pvh/abi";

/** What every table says about who made it. */
export interface AcpiIdentity {
  /** At most 6 characters. */
  oem: string;
  /** At most 8 characters. */
  table: string;
  oemRevision: number;
  /** 4 characters. */
  creator: string;
  creatorRevision: number;
}

export interface AcpiEncoders {
  /** Puts a header before `body`, which begins where the header ends. */
  table(signature: string, revision: number, body: Uint8Array): Uint8Array;
  /** Guest-physical addresses; 0 for a list that is not there. */
  rsdp(lists: { rsdt: number; xsdt: number }): Uint8Array;
  rsdt(tables: readonly number[]): Uint8Array;
  xsdt(tables: readonly number[]): Uint8Array;
}

const ascii = (text: string) => new TextEncoder().encode(text);

/** The structures that carry an identity and checksums. */
export function encoders(identity: AcpiIdentity): AcpiEncoders {
  const table = (signature: string, revision: number, body: Uint8Array): Uint8Array => {
    const bytes = new Uint8Array(acpiHeader.size + body.length);
    acpiHeader.writeTo(bytes, 0, {
      signature: ascii(signature),
      length: bytes.length,
      revision,
      oem_id: ascii(identity.oem),
      oem_table_id: ascii(identity.table),
      oem_revision: identity.oemRevision,
      creator_id: ascii(identity.creator),
      creator_revision: identity.creatorRevision,
    });
    bytes.set(body, acpiHeader.size);
    bytes[acpiHeader.fields.checksum.offset] = checksum(bytes);
    return bytes;
  };
  return {
    table,
    rsdp({ rsdt, xsdt }) {
      const bytes = acpiRsdp.encode({
        signature: ascii("RSD PTR "),
        oem_id: ascii(identity.oem),
        revision: 2,
        rsdt_address: rsdt,
        length: acpiRsdp.size,
        xsdt_address: xsdt,
      });
      bytes[acpiRsdp.fields.checksum.offset] = checksum(bytes.subarray(0, RSDP_CHECKSUM_LENGTH));
      bytes[acpiRsdp.fields.extended_checksum.offset] = checksum(bytes);
      return bytes;
    },
    rsdt(tables) {
      const entries = new DataView(new ArrayBuffer(tables.length * 4));
      tables.forEach((gpa, i) => {
        entries.setUint32(i * 4, gpa, true);
      });
      return table("RSDT", 1, new Uint8Array(entries.buffer));
    },
    xsdt(tables) {
      const entries = new DataView(new ArrayBuffer(tables.length * 8));
      tables.forEach((gpa, i) => {
        entries.setBigUint64(i * 8, BigInt(gpa), true);
      });
      return table("XSDT", 1, new Uint8Array(entries.buffer));
    },
  };
}

/** The byte that makes the sum of `bytes` 0 when it takes the place of a 0 in them. */
function checksum(bytes: Uint8Array): number {
  return -bytes.reduce((sum, byte) => sum + byte, 0) & 0xff;
}

export function facs(version: number): Uint8Array {
  return acpiFacs.encode({ signature: ascii("FACS"), length: acpiFacs.size, version });
}

/** A Generic Address Structure of ports; `accessSize` as in `acpiAddress`. */
export function ioRegister(port: number, bits: number, accessSize: number): Uint8Array {
  return acpiAddress.encode({
    space: ACPI_ADDRESS_SPACE.io,
    bit_width: bits,
    access_size: accessSize,
    address: port,
  });
}

/** Puts tables one behind the other, each where it may stand. */
export class TablePlacer {
  readonly #gpa: number;
  readonly #placed: { at: number; bytes: Uint8Array }[] = [];
  #next: number;

  /** The first `reserved` bytes from `gpa` on stay free for {@link put}. */
  constructor(gpa: number, reserved = 0) {
    this.#gpa = gpa;
    this.#next = gpa + reserved;
  }

  /** Returns the guest-physical address. */
  place(bytes: Uint8Array): number {
    // 64 is what FACS needs; the others gain legible addresses.
    const at = Math.ceil(this.#next / 64) * 64;
    this.put(at, bytes);
    this.#next = at + bytes.length;
    return at;
  }

  put(at: number, bytes: Uint8Array): void {
    this.#placed.push({ at, bytes });
  }

  /** All from the first address to the end of the last table. */
  bytes(): Uint8Array<ArrayBuffer> {
    const all = new Uint8Array(this.#next - this.#gpa);
    for (const { at, bytes } of this.#placed) all.set(bytes, at - this.#gpa);
    return all;
  }
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
