/* start_info and its fields. */
#include "boot.h"
#include "checks.h"
#include "image.h"
#include "text.h"
#include "verdict.h"

#define SIF_PRIVILEGED (1u << 0)
#define SIF_INITDOMAIN (1u << 1)
#define SIF_MULTIBOOT_MOD (1u << 2)
#define SIF_MOD_START_PFN (1u << 3)
#define EVENT_CHANNELS 4096

bool check_start_info_pointer(void) {
  uint64_t address = entry_state.rsi;
  bool usable = is_mapped(address, sizeof *start_info) && !(address & 7);
  check("rsi", usable, address, "an aligned address inside the initial mapping");
  if (usable) trying("read start_info");
  return usable;
}

static void check_magic(void) {
  struct tally padding = {0};
  check_text("magic", start_info->magic, sizeof start_info->magic, "xen-3.0-x86_64");
  for (uint32_t i = sizeof "xen-3.0-x86_64" - 1; i < sizeof start_info->magic; i++)
    tally_item(&padding, i, (uint8_t)start_info->magic[i], 0);
  check_tally("magic-padding", &padding);
}

static void check_p2m(void) {
  uint64_t bytes = start_info->nr_pages * 8;
  const uint64_t *list = (const uint64_t *)start_info->mfn_list;
  bool usable = is_mapped(start_info->mfn_list, bytes) && !(start_info->mfn_list & (PAGE_SIZE - 1));
  check("mfn-list", usable, start_info->mfn_list, "a page-aligned list of nr_pages entries inside the mapping");
  if (!usable) return;
  trying("read the p2m list");
  struct tally identity = {0};
  for (uint64_t i = 0; i < start_info->nr_pages; i++) tally_item(&identity, i, list[i], i);
  check_tally("mfn-list-identity", &identity);
}

static void check_frame(const char *name, uint64_t frame) {
  check(name, frame > 0 && frame < start_info->nr_pages, frame, "a frame number below nr_pages");
}

static void check_channels(void) {
  uint32_t store = start_info->store_evtchn, console = start_info->console_evtchn;
  check("store-evtchn", store < EVENT_CHANNELS, store, "a port number, or 0 without a xenstore");
  check("console-evtchn", console < EVENT_CHANNELS, console, "a port number, or 0 without a PV console");
  check("evtchns-differ", store != console || !store, store, "different ports");
}

static void check_cmd_line_field(void) {
  struct tally rest = {0};
  for (uint32_t i = text_length(start_info->cmd_line, 1024); i < 1024; i++)
    tally_item(&rest, i, (uint8_t)start_info->cmd_line[i], 0);
  check("cmd-line-ends", rest.items > 0, rest.items, "a NUL within 1024 bytes");
  check_tally("cmd-line-rest-zero", &rest);
}

void check_start_info(void) {
  uint64_t mebibytes = 0;
  bool given = option_number(start_info->cmd_line, "memory_mib", &mebibytes);
  check("memory-given", given, given, "a word memory_mib=N on the command line");
  check_magic();
  check_equal("nr-pages", start_info->nr_pages, mebibytes << 20 >> 12);
  check_bits("shared-info-aligned", start_info->shared_info, PAGE_SIZE - 1, 0);
  check_frame("shared-info-in-ram", start_info->shared_info / PAGE_SIZE);
  check_bits("flags", start_info->flags,
             SIF_PRIVILEGED | SIF_INITDOMAIN | SIF_MULTIBOOT_MOD | SIF_MOD_START_PFN, 0);
  check_frame("store-mfn", start_info->store_mfn);
  check_frame("console-mfn", start_info->console_mfn);
  check_channels();
  check_p2m();
  check_equal("first-p2m-pfn", start_info->first_p2m_pfn, 0);
  check_equal("nr-p2m-frames", start_info->nr_p2m_frames, 0);
  check_cmd_line_field();
}
