/** XENFEAT bit numbers. Source: `xen/include/public/features.h` (RELEASE-4.22.0); bit 12 is deprecated there. */
export const xenFeatures = {
  writable_page_tables: 0,
  writable_descriptor_tables: 1,
  auto_translated_physmap: 2,
  supervisor_mode_kernel: 3,
  pae_pgdir_above_4gb: 4,
  mmu_pt_update_preserve_ad: 5,
  highmem_assist: 6,
  gnttab_map_avail_bits: 7,
  hvm_callback_vector: 8,
  hvm_safe_pvclock: 9,
  hvm_pirqs: 10,
  dom0: 11,
  grant_map_identity: 12,
  memory_op_vnode_supported: 13,
  ARM_SMCCC_supported: 14,
  linux_rsdp_unrestricted: 15,
  not_direct_mapped: 16,
  direct_mapped: 17,
  runstate_phys_area: 18,
  vcpu_time_phys_area: 19,
  dm_msix_all_writes: 20,
} as const;

export type XenFeature = keyof typeof xenFeatures;

/** Bit number of a feature's name; undefined for a name that nobody defines. */
export function xenFeatureBit(name: string): number | undefined {
  return Object.hasOwn(xenFeatures, name) ? xenFeatures[name as XenFeature] : undefined;
}

/** A feature set as a mask of `1 << bit`. */
export function xenFeatureMask(...names: XenFeature[]): number {
  return names.reduce((mask, name) => (mask | (1 << xenFeatures[name])) >>> 0, 0);
}

/** Names of the bits in a mask, ascending; a bit without a name is `bit21`. */
export function xenFeatureNames(mask: number): string[] {
  const byBit = new Map<number, string>(Object.entries(xenFeatures).map(([name, bit]) => [bit, name]));
  const names: string[] = [];
  for (let bit = 0; bit < 32; bit++) {
    if (((mask >>> bit) & 1) === 1) names.push(byBit.get(bit) ?? `bit${bit}`);
  }
  return names;
}
