/* Where things lie: inside RAM and the mapping, apart from each other, in the order that guests rely on. */
#include "checks.h"
#include "console.h"
#include "image.h"
#include "verdict.h"

struct range {
  const char *name;
  uint64_t start;
  uint64_t size;
};

static struct range page(const char *name, uint64_t gpa) {
  return (struct range){name, VIRT_BASE + gpa, PAGE_SIZE};
}

static bool overlap(const struct range *a, const struct range *b) {
  return a->start < b->start + b->size && b->start < a->start + a->size;
}

static void check_apart(const struct range *ranges, uint32_t count) {
  uint64_t overlaps = 0;
  for (uint32_t i = 0; i < count; i++) {
    for (uint32_t j = i + 1; j < count; j++) {
      if (!overlap(&ranges[i], &ranges[j])) continue;
      overlaps++;
      print("overlap - ");
      print(ranges[i].name);
      print(" and ");
      print(ranges[j].name);
      put_char('\n');
    }
  }
  check("regions-apart", overlaps == 0, overlaps, "no two regions that overlap");
}

void check_layout(void) {
  const struct start_info *si = start_info;
  const struct range ranges[] = {
      {"image", (uintptr_t)image_start, (uint64_t)(image_end - image_start)},
      {"ramdisk", si->mod_start, si->mod_len},
      {"p2m list", si->mfn_list, si->nr_pages * 8},
      {"start_info", entry_state.rsi, sizeof *si},
      page("xenstore", si->store_mfn * PAGE_SIZE),
      page("console", si->console_mfn * PAGE_SIZE),
      page("shared_info", si->shared_info),
      {"page tables", si->pt_base, si->nr_pt_frames * PAGE_SIZE},
      {"boot stack", entry_state.rsp - PAGE_SIZE, PAGE_SIZE},
  };
  enum { COUNT = sizeof ranges / sizeof *ranges, RAMDISK = 1, P2M = 2, START_INFO = 3, TABLES = 7, STACK = 8 };
  uint64_t outside = 0, disordered = 0;
  for (uint32_t i = 0; i < COUNT; i++) {
    print("layout - ");
    print_hex(ranges[i].start);
    put_char(' ');
    print_hex(ranges[i].size);
    put_char(' ');
    print(ranges[i].name);
    put_char('\n');
    outside += ranges[i].size && !is_mapped(ranges[i].start, ranges[i].size);
  }
  check("regions-mapped", outside == 0, outside, "every region inside the initial mapping");
  check_apart(ranges, COUNT);

  /* Linux up to 4.2 reserves from the p2m list to the page tables, and nothing else, for what lies between. */
  for (uint32_t i = START_INFO; i < TABLES; i++)
    disordered += ranges[i].start <= ranges[P2M].start || ranges[i].start >= ranges[TABLES].start;
  check("pages-before-tables", disordered == 0, disordered,
        "start_info and the shared pages between the p2m list and the page tables");
  /* FreeBSD ends its symbol table where the ramdisk, or else the p2m list, begins. */
  check("image-first", ranges[P2M].start >= (uintptr_t)image_end &&
                           (!si->mod_len || ranges[RAMDISK].start >= (uintptr_t)image_end),
        si->mfn_list, "the ramdisk and the p2m list behind the kernel");
  check("stack-after-tables", ranges[STACK].start >= ranges[TABLES].start + ranges[TABLES].size, entry_state.rsp,
        "the boot stack behind the page tables");
  /* Linux 4.3 to 4.10 reserves 4096 bytes from start_info on; that must reach into the shared_info page. */
  check("shared-info-reserved", entry_state.rsi % PAGE_SIZE && overlap(&(struct range){"", entry_state.rsi, PAGE_SIZE},
                                                                      &ranges[6]),
        si->shared_info, "shared_info on the page after an unaligned start_info");
}
