import {
  acpiFadt,
  acpiHeader,
  acpiMadt,
  FADT_FLAG,
  FADT_LENGTH,
  IAPC_BOOT_ARCH,
  MADT_PCAT_COMPAT,
  MADT_TYPE,
  madtLocalApic,
  PAGE_SIZE,
  pageRoundUp,
} from "@pvh/abi";
import * as aml from "./aml.ts";
import { concat, encoders, facs, ioRegister, TablePlacer } from "./encode.ts";

/** Where libxl puts ACPI for direct guests: an information page, then the tables, 16 pages at most. */
export const XEN_ACPI_INFO = 0xfc000000;
const TABLES = XEN_ACPI_INFO + PAGE_SIZE;
/** 64 bytes below 1 MiB, for Linux kernels that cannot read an RSDP above their RAM. */
const LOW_RSDP = 0x100000 - 64;
/** What libxl takes for an RSDP's size. */
const RSDP_ROOM = 64;

/** Fixed hardware that Xen's FADT names (tools/libacpi, Xen 4.17). For a direct guest nothing answers there. */
const PORTS = { sci: 9, pm1aEvent: 0xb000, pm1aControl: 0xb004, gpe0: 0xafe0, reset: 0xcf9 } as const;
const LOCAL_APIC = 0xfee00000;

const encode = encoders({ oem: "Xen", table: "HVM", oemRevision: 0, creator: "HVML", creatorRevision: 0 });

export interface XenAcpiInput {
  /** vCPUs that are enabled from the start. */
  vcpus: number;
  maxVcpus: number;
  /** Whether the RSDP stands in low RAM. */
  lowRsdp: boolean;
}

/** One piece of guest memory. */
export interface AcpiPart {
  name: "acpi_rsdp" | "acpi_info" | "acpi";
  gpa: number;
  /** Bytes, as the memory map has it. */
  size: number;
  bytes: Uint8Array;
}

/** What libxl gives a direct guest: RSDP, information page and tables, in the order of its memory map. */
export function xenAcpi({ vcpus, maxVcpus, lowRsdp }: XenAcpiInput): [AcpiPart, AcpiPart, AcpiPart] {
  const tables = new TablePlacer(TABLES);
  const facsAt = tables.place(facs(1));
  const dsdtAt = tables.place(dsdt(vcpus, maxVcpus));
  const oldFadt = tables.place(fadt(1, FADT_LENGTH.revision1, facsAt, dsdtAt));
  const newFadt = tables.place(fadt(5, FADT_LENGTH.revision5, facsAt, dsdtAt));
  const madtAt = tables.place(madt(vcpus, maxVcpus));
  const rsdt = tables.place(encode.rsdt([oldFadt, madtAt]));
  const xsdt = tables.place(encode.xsdt([newFadt, madtAt]));
  const bytes = tables.bytes();
  const size = pageRoundUp(bytes.length);
  return [
    {
      name: "acpi_rsdp",
      gpa: lowRsdp ? LOW_RSDP : TABLES + size,
      size: RSDP_ROOM,
      bytes: encode.rsdp({ rsdt, xsdt }),
    },
    { name: "acpi_info", gpa: XEN_ACPI_INFO, size: PAGE_SIZE, bytes: information(maxVcpus, madtAt) },
    { name: "acpi", gpa: TABLES, size, bytes },
  ];
}

/** libacpi's struct acpi_info, by which its AML finds things: no serial or parallel ports, no HPET, no PCI. */
function information(maxVcpus: number, madtAt: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(40));
  view.setUint16(2, maxVcpus, true);
  view.setUint32(12, madtAt + acpiHeader.fields.checksum.offset, true);
  view.setUint32(16, madtAt + acpiMadt.size, true);
  return new Uint8Array(view.buffer);
}

function fadt(revision: number, length: number, facsAt: number, dsdtAt: number): Uint8Array {
  const whole = acpiFadt.encode({
    firmware_ctrl: facsAt,
    dsdt: dsdtAt,
    sci_int: PORTS.sci,
    pm1a_evt_blk: PORTS.pm1aEvent,
    pm1_evt_len: 4,
    pm1a_cnt_blk: PORTS.pm1aControl,
    pm1_cnt_len: 2,
    gpe0_blk: PORTS.gpe0,
    gpe0_blk_len: 4,
    p_lvl2_lat: 0xfff,
    p_lvl3_lat: 0xfff,
    iapc_boot_arch: IAPC_BOOT_ARCH.VGA_NOT_PRESENT | IAPC_BOOT_ARCH.CMOS_RTC_NOT_PRESENT,
    flags:
      FADT_FLAG.WBINVD |
      FADT_FLAG.PROC_C1 |
      FADT_FLAG.PWR_BUTTON |
      FADT_FLAG.SLP_BUTTON |
      FADT_FLAG.FIX_RTC |
      FADT_FLAG.TMR_VAL_EXT |
      FADT_FLAG.USE_PLATFORM_CLOCK,
    reset_reg: ioRegister(PORTS.reset, 8, 1),
    reset_value: 6,
    x_firmware_ctrl: facsAt,
    x_dsdt: dsdtAt,
    x_pm1a_evt_blk: ioRegister(PORTS.pm1aEvent, 32, 2),
    x_pm1a_cnt_blk: ioRegister(PORTS.pm1aControl, 16, 2),
    x_gpe0_blk: ioRegister(PORTS.gpe0, 32, 1),
  });
  return encode.table("FACP", revision, whole.subarray(acpiHeader.size, length));
}

/** No I/O APIC: a direct guest's local APICs are all that it has. APIC ids are even, as Xen gives them out. */
function madt(vcpus: number, maxVcpus: number): Uint8Array {
  const whole = acpiMadt.encode({ local_apic_address: LOCAL_APIC, flags: MADT_PCAT_COMPAT });
  const apics = Array.from({ length: maxVcpus }, (_, i) =>
    madtLocalApic.encode({
      type: MADT_TYPE.localApic,
      length: madtLocalApic.size,
      processor_uid: i,
      apic_id: 2 * i,
      flags: i < vcpus ? 1 : 0,
    }),
  );
  return encode.table("APIC", 2, concat([whole.subarray(acpiHeader.size), ...apics]));
}

/**
 * The processors as devices. Libxl's table has besides the registers and the event by which an HVM guest learns of new
 * vCPUs; direct guests learn of them through xenstore, and nothing answers at those ports.
 */
function dsdt(vcpus: number, maxVcpus: number): Uint8Array {
  const processors = Array.from({ length: maxVcpus }, (_, i) =>
    aml.device(
      `PR${i.toString(16).toUpperCase().padStart(2, "0")}`,
      aml.named("_HID", aml.string("ACPI0007")),
      aml.named("_UID", aml.integer(i)),
      aml.named("_STA", aml.integer(i < vcpus ? 0xf : 0)),
    ),
  );
  return encode.table("DSDT", 5, Uint8Array.from(aml.scope("\\_SB", ...processors)));
}
