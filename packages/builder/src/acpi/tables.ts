import {
  ACPI_ADDRESS_SPACE,
  acpiAddress,
  acpiFacs,
  acpiFadt,
  acpiHeader,
  acpiMadt,
  acpiRsdp,
  FADT_FLAG,
  IAPC_BOOT_ARCH,
  MADT_PCAT_COMPAT,
  MADT_TYPE,
  madtInterruptOverride,
  madtIoApic,
  madtLocalApic,
  RSDP_CHECKSUM_LENGTH,
} from "@pvh/abi";
import * as aml from "./aml.ts";
import { BARE_HARDWARE } from "./bare-hardware.ts";

const ascii = (text: string) => new TextEncoder().encode(text);

/**
 * The ACPI tables of the bare platform, to stand at `gpa` (16-byte aligned, below 1 MiB, so that a scan finds the
 * RSDP, which comes first): XSDT, FADT, FACS, MADT, DSDT.
 */
export function acpiTables({ gpa, vcpus }: { gpa: number; vcpus: number }): {
  bytes: Uint8Array<ArrayBuffer>;
  /** Guest-physical. */
  rsdp: number;
} {
  const placed: { at: number; bytes: Uint8Array }[] = [];
  let next = gpa + acpiRsdp.size;
  const place = (bytes: Uint8Array): number => {
    // 64 is what FACS needs; the others gain legible addresses.
    const at = Math.ceil(next / 64) * 64;
    placed.push({ at, bytes });
    next = at + bytes.length;
    return at;
  };
  const facsAt = place(facs());
  const dsdtAt = place(dsdt());
  const fadtAt = place(fadt(facsAt, dsdtAt));
  const madtAt = place(madt(vcpus));
  const xsdtAt = place(xsdt([fadtAt, madtAt]));
  placed.push({ at: gpa, bytes: rsdp(xsdtAt) });

  const all = new Uint8Array(next - gpa);
  for (const { at, bytes } of placed) all.set(bytes, at - gpa);
  return { bytes: all, rsdp: gpa };
}

/** Puts a header before `body`, which begins where the header ends. */
function table(signature: string, revision: number, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(acpiHeader.size + body.length);
  acpiHeader.writeTo(bytes, 0, {
    signature: ascii(signature),
    length: bytes.length,
    revision,
    oem_id: ascii("PVH   "),
    oem_table_id: ascii("BARE    "),
    oem_revision: 1,
    creator_id: ascii("PVH "),
    creator_revision: 1,
  });
  bytes.set(body, acpiHeader.size);
  bytes[acpiHeader.fields.checksum.offset] = checksum(bytes);
  return bytes;
}

/** The byte that makes the sum of `bytes` 0 when it takes the place of a 0 in them. */
function checksum(bytes: Uint8Array): number {
  return -bytes.reduce((sum, byte) => sum + byte, 0) & 0xff;
}

function rsdp(xsdt: number): Uint8Array {
  const bytes = acpiRsdp.encode({
    signature: ascii("RSD PTR "),
    oem_id: ascii("PVH   "),
    revision: 2,
    length: acpiRsdp.size,
    xsdt_address: xsdt,
  });
  bytes[acpiRsdp.fields.checksum.offset] = checksum(bytes.subarray(0, RSDP_CHECKSUM_LENGTH));
  bytes[acpiRsdp.fields.extended_checksum.offset] = checksum(bytes);
  return bytes;
}

function xsdt(tables: number[]): Uint8Array {
  const entries = new DataView(new ArrayBuffer(tables.length * 8));
  tables.forEach((gpa, i) => {
    entries.setBigUint64(i * 8, BigInt(gpa), true);
  });
  return table("XSDT", 1, new Uint8Array(entries.buffer));
}

function facs(): Uint8Array {
  return acpiFacs.encode({ signature: ascii("FACS"), length: acpiFacs.size, version: 2 });
}

function fadt(facsAt: number, dsdtAt: number): Uint8Array {
  const { pm1aEvent, pm1aControl, reset, sci } = BARE_HARDWARE;
  const io = (port: number, bits: number, accessSize: number) =>
    acpiAddress.encode({
      space: ACPI_ADDRESS_SPACE.io,
      bit_width: bits,
      access_size: accessSize,
      address: port,
    });
  const whole = acpiFadt.encode({
    firmware_ctrl: facsAt,
    dsdt: dsdtAt,
    x_dsdt: dsdtAt,
    sci_int: sci,
    // No SMI command port: the machine is in ACPI mode from the start.
    smi_cmd: 0,
    pm1a_evt_blk: pm1aEvent.port,
    pm1_evt_len: pm1aEvent.length,
    x_pm1a_evt_blk: io(pm1aEvent.port, pm1aEvent.length * 8, 2),
    pm1a_cnt_blk: pm1aControl.port,
    pm1_cnt_len: pm1aControl.length,
    x_pm1a_cnt_blk: io(pm1aControl.port, pm1aControl.length * 8, 2),
    p_lvl2_lat: 0xfff,
    p_lvl3_lat: 0xfff,
    iapc_boot_arch:
      IAPC_BOOT_ARCH.LEGACY_DEVICES | IAPC_BOOT_ARCH.VGA_NOT_PRESENT | IAPC_BOOT_ARCH.CMOS_RTC_NOT_PRESENT,
    // PWR_BUTTON is clear: the fixed power button is how the guest is asked to shut down.
    flags:
      FADT_FLAG.WBINVD |
      FADT_FLAG.PROC_C1 |
      FADT_FLAG.SLP_BUTTON |
      FADT_FLAG.FIX_RTC |
      FADT_FLAG.RESET_REG_SUP,
    reset_reg: io(reset.port, 8, 1),
    reset_value: reset.value,
    fadt_minor_version: 3,
  });
  return table("FACP", 6, whole.subarray(acpiHeader.size));
}

function madt(vcpus: number): Uint8Array {
  const { localApic, ioApic, sci } = BARE_HARDWARE;
  const whole = acpiMadt.encode({ local_apic_address: localApic, flags: MADT_PCAT_COMPAT });
  const entries = [
    whole.subarray(acpiHeader.size),
    ...Array.from({ length: vcpus }, (_, id) =>
      madtLocalApic.encode({
        type: MADT_TYPE.localApic,
        length: madtLocalApic.size,
        processor_uid: id,
        apic_id: id,
        flags: 1,
      }),
    ),
    madtIoApic.encode({
      type: MADT_TYPE.ioApic,
      length: madtIoApic.size,
      io_apic_id: ioApic.id,
      address: ioApic.address,
      gsi_base: ioApic.gsiBase,
    }),
    // ISA interrupts are edge triggered unless an override says so; the SCI is not.
    madtInterruptOverride.encode({
      type: MADT_TYPE.interruptOverride,
      length: madtInterruptOverride.size,
      source: sci,
      gsi: sci,
      flags: 1 | (3 << 2),
    }),
  ];
  return table("APIC", 4, concat(entries));
}

function dsdt(): Uint8Array {
  const { serial, sleepTypeS5 } = BARE_HARDWARE;
  const s5 = aml.packageOf(
    aml.integer(sleepTypeS5),
    aml.integer(sleepTypeS5),
    aml.integer(0),
    aml.integer(0),
  );
  const com1 = aml.device(
    "COM1",
    aml.named("_HID", aml.eisaId("PNP0501")),
    aml.named("_UID", aml.integer(1)),
    aml.named("_STA", aml.integer(0xf)),
    aml.named("_CRS", aml.resourceTemplate(aml.ioPorts(serial.port, serial.length), aml.irq(serial.irq))),
  );
  return table("DSDT", 2, Uint8Array.from([...aml.named("\\_S5", s5), ...aml.scope("\\_SB", com1)]));
}

function concat(parts: Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
