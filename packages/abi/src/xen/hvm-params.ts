/** Indexes of HVMOP_set_param and HVMOP_get_param (public/hvm/params.h). */
export const HVM_PARAM = {
  CALLBACK_IRQ: 0,
  STORE_PFN: 1,
  STORE_EVTCHN: 2,
  IOREQ_PFN: 5,
  BUFIOREQ_PFN: 6,
  TIMER_MODE: 10,
  IDENT_PT: 12,
  ACPI_S_STATE: 14,
  VM86_TSS: 15,
  CONSOLE_PFN: 17,
  CONSOLE_EVTCHN: 18,
  ACPI_IOPORTS_LOCATION: 19,
  PAGING_RING_PFN: 27,
  MONITOR_RING_PFN: 28,
  SHARING_RING_PFN: 29,
  TRIPLE_FAULT_REASON: 31,
  VM_GENERATION_ID_ADDR: 34,
  ALTP2M: 35,
  X87_FIP_WIDTH: 36,
  VM86_TSS_SIZED: 37,
} as const;

/** Type of HVM_PARAM_CALLBACK_IRQ, in bits 56-63 of the value. */
export const CALLBACK_TYPE = { GSI: 0, PCI_INTX: 1, VECTOR: 2 } as const;

/** Frames below 4 GiB that libxc sets aside for a direct guest, and what each is for (xg_dom_x86.c). */
export const SPECIAL_PAGES = {
  firstFrame: 0xfeff8,
  count: 8,
  paging: 0xfeff8,
  access: 0xfeff9,
  sharing: 0xfeffa,
  bufioreq: 0xfeffb,
  xenstore: 0xfeffc,
  ioreq: 0xfeffd,
  identPt: 0xfeffe,
  console: 0xfefff,
} as const;
