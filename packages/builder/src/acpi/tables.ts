import {
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
} from "@pvh/abi";
import * as aml from "./aml.ts";
import { BARE_HARDWARE } from "./bare-hardware.ts";
import { concat, encoders, facs, ioRegister, TablePlacer } from "./encode.ts";

const encode = encoders({
  oem: "PVH   ",
  table: "BARE    ",
  oemRevision: 1,
  creator: "PVH ",
  creatorRevision: 1,
});

/**
 * The ACPI tables of the bare platform, to stand at `gpa` (16-byte aligned, below 1 MiB, so that a scan finds the
 * RSDP, which comes first): XSDT, FADT, FACS, MADT, DSDT.
 */
export function acpiTables({ gpa, vcpus }: { gpa: number; vcpus: number }): {
  bytes: Uint8Array<ArrayBuffer>;
  /** Guest-physical. */
  rsdp: number;
} {
  const tables = new TablePlacer(gpa, acpiRsdp.size);
  const facsAt = tables.place(facs(2));
  const dsdtAt = tables.place(dsdt());
  const fadtAt = tables.place(fadt(facsAt, dsdtAt));
  const madtAt = tables.place(madt(vcpus));
  const xsdtAt = tables.place(encode.xsdt([fadtAt, madtAt]));
  tables.put(gpa, encode.rsdp({ rsdt: 0, xsdt: xsdtAt }));
  return { bytes: tables.bytes(), rsdp: gpa };
}

function fadt(facsAt: number, dsdtAt: number): Uint8Array {
  const { pm1aEvent, pm1aControl, reset, sci } = BARE_HARDWARE;
  const whole = acpiFadt.encode({
    firmware_ctrl: facsAt,
    dsdt: dsdtAt,
    x_dsdt: dsdtAt,
    sci_int: sci,
    // No SMI command port: the machine is in ACPI mode from the start.
    smi_cmd: 0,
    pm1a_evt_blk: pm1aEvent.port,
    pm1_evt_len: pm1aEvent.length,
    x_pm1a_evt_blk: ioRegister(pm1aEvent.port, pm1aEvent.length * 8, 2),
    pm1a_cnt_blk: pm1aControl.port,
    pm1_cnt_len: pm1aControl.length,
    x_pm1a_cnt_blk: ioRegister(pm1aControl.port, pm1aControl.length * 8, 2),
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
    reset_reg: ioRegister(reset.port, 8, 1),
    reset_value: reset.value,
    fadt_minor_version: 3,
  });
  return encode.table("FACP", 6, whole.subarray(acpiHeader.size));
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
  return encode.table("APIC", 4, concat(entries));
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
  return encode.table("DSDT", 2, Uint8Array.from([...aml.named("\\_S5", s5), ...aml.scope("\\_SB", com1)]));
}
