/**
 * The keys of xl.cfg that are not implemented, so that each can be refused by name instead of being called unknown.
 * Xen 4.4 to 4.22 (xl.cfg(5) and xl_parse.c of each release).
 */
export type KeyStanding =
  /** A key for PVH guests that we do not have yet. */
  | "planned"
  /** Keys that do nothing for a PVH guest on x86. */
  | "hvm"
  | "pv"
  | "arm"
  /** A key that xl itself has given up. */
  | "replaced"
  /** Part of a device's text, not a key of its own. */
  | "device-option";

export interface KnownKey {
  readonly name: string;
  readonly standing: KeyStanding;
  /** What the key is about: completes "... are not implemented yet", or names the successor. */
  readonly about: string;
  /** An empty list says "no such devices", which is what a guest gets anyway. */
  readonly emptyListIsNone: boolean;
}

interface Group {
  standing: KeyStanding;
  about: string;
  keys: string;
  emptyListIsNone?: boolean;
}

const groups: Group[] = [
  { standing: "planned", about: "graphical consoles", keys: "vfb vkb", emptyListIsNone: true },
  { standing: "planned", about: "shared directories", keys: "p9", emptyListIsNone: true },
  { standing: "planned", about: "channels", keys: "channel", emptyListIsNone: true },
  {
    standing: "planned",
    about: "such devices",
    keys: "vtpm usbctrl usbdev vdispl vsnd pvcalls virtio dtdev pci ioports irqs iomem",
    emptyListIsNone: true,
  },
  {
    standing: "planned",
    about: "firmware and boot loaders",
    keys: "firmware bootloader bootloader_args bootloader_restrict bootloader_user",
  },
  {
    standing: "planned",
    about: "PV kernels in a PVH container",
    keys: "pvshim pvshim_path pvshim_cmdline pvshim_extra",
  },
  {
    standing: "planned",
    about: "NUMA and other schedulers' parameters",
    keys: "period slice latency extratime vnuma",
  },
  {
    standing: "planned",
    about: "CPU features and their masking",
    keys: "cpuid nestedhvm msr_relaxed vpmu altp2m altp2m_count nomigrate vmtrace_buf_kb",
  },
  { standing: "planned", about: "paging modes", keys: "hap oos shadow_memory" },
  { standing: "planned", about: "choices about ACPI and the interrupt controller", keys: "acpi apic" },
  {
    standing: "planned",
    about: "choices about clocks",
    keys: "tsc_mode timer_mode rtc_timeoffset localtime",
  },
  {
    standing: "planned",
    about: "limits of xenstore",
    keys: "xenstore_feature_mask xenstore_quota",
  },
  {
    standing: "planned",
    about: "driver domains, passthrough and security labels",
    keys: "driver_domain passthrough seclabel init_seclabel xend_suspend_evtchn_compat",
  },
  {
    standing: "planned",
    about: "choices about a device model",
    keys: "device_model_version device_model_args device_model_args_pv device_model_user dm_restrict",
  },
  { standing: "replaced", about: "type", keys: "builder" },
  { standing: "pv", about: "", keys: "e820_host" },
  {
    standing: "arm",
    about: "",
    keys: "device_tree gic_version tee vuart sve nr_spis llc_colors arm_sci trap_unmapped_accesses",
  },
  {
    standing: "hvm",
    about: "",
    keys: `boot hdtype bios bios_path_override pae nx hpet vpt_align acpi_s3 acpi_s4 acpi_laptop_slate viridian mca_caps
      mmio_hole stdvga vga videoram serial soundhw usb usbversion usbdevice nographic keymap
      vnc vnclisten vncpasswd vncdisplay vncunused sdl opengl
      spice spicehost spiceport spicetls_port spicedisable_ticketing spicepasswd spiceagent_mouse spicevdagent
      spice_clipboard_sharing spiceusbredirection spice_image_compression spice_streaming_video
      xen_platform_pci xen_platform_pci_bar_uc vendor_device ms_vm_genid altp2mhvm hvm_pirq
      smbios smbios_firmware acpi_firmware gfx_passthru rdm rdm_mem_boundary
      pci_power_mgmt pci_msitranslate pci_permissive pci_seize
      device_model_args_hvm device_model_stubdomain_override device_model_stubdomain_seclabel
      stubdomain_kernel stubdomain_ramdisk stubdomain_cmdline stubdomain_memory`,
  },
  { standing: "device-option", about: "virtio", keys: "transport grant_usage" },
  { standing: "device-option", about: "vif", keys: "vlan" },
];

export const knownKeys: readonly KnownKey[] = groups.flatMap(({ keys, emptyListIsNone = false, ...group }) =>
  keys.split(/\s+/).map((name) => ({ name, emptyListIsNone, ...group })),
);

const byName = new Map(knownKeys.map((key) => [key.name, key]));

export function knownKey(name: string): KnownKey | undefined {
  return byName.get(name);
}

/** One sentence that says why a guest config cannot have this key. */
export function whyNot({ name, standing, about }: KnownKey): string {
  switch (standing) {
    case "planned":
      return `the key ${name} is not implemented yet: ${about} are still missing; leave it out`;
    case "hvm":
      return `the key ${name} does not apply to PVH guests, only to HVM guests; leave it out`;
    case "pv":
      return `the key ${name} does not apply to PVH guests, only to PV guests; leave it out`;
    case "arm":
      return `the key ${name} does not apply to PVH guests on x86, only to guests on Arm; leave it out`;
    case "replaced":
      return `the key ${name} is replaced by ${about} and not implemented; leave it out`;
    case "device-option":
      return `${name} is no key of its own but an option of ${about} devices, which is not implemented yet; leave it out`;
  }
}
