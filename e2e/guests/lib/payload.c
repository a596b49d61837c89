#include "payload.h"
#include "text.h"
#include "verdict.h"

#define MAX_LINE 4096

void check_command_line(const char *line) {
  const char *sum = option(line, "cmdline_crc32");
  uint64_t expected = 0;
  bool given = option_number(line, "cmdline_crc32", &expected);
  check("cmdline-checksum-given", given, given, "a last word cmdline_crc32=0x...");
  if (!given) return;
  size_t before = (size_t)(sum - line) - (sizeof "cmdline_crc32=" - 1);
  check_equal("cmdline-intact", crc32(line, before), expected);
  check_equal("cmdline-ends", text_length(line, MAX_LINE), before + sizeof "cmdline_crc32=0x00000000" - 1);
}

void check_ramdisk(const struct boot *boot, bool size_is_page_rounded) {
  uint64_t size = 0, expected = 0;
  bool given = option_number(boot->cmdline, "ramdisk_size", &size);
  check("ramdisk-size-given", given, given, "a word ramdisk_size=N");
  if (!size) {
    check_equal("ramdisk-absent-size", boot->module_size, 0);
    check_equal("ramdisk-absent-address", (uintptr_t)boot->module, 0);
    return;
  }
  uint64_t rounded = (size + 4095) & ~4095ull;
  bool exact = boot->module_size == size && !size_is_page_rounded;
  check("ramdisk-length", exact || boot->module_size == rounded, boot->module_size,
        size_is_page_rounded ? "the file's size rounded up to pages" : "the file's size, or that rounded up to pages");
  check_equal("ramdisk-page-aligned", (uintptr_t)boot->module & 4095, 0);
  if (boot->module_size < size) return;
  given = option_number(boot->cmdline, "ramdisk_crc32", &expected);
  check("ramdisk-checksum-given", given, given, "a word ramdisk_crc32=0x...");
  trying("read the ramdisk");
  check_equal("ramdisk-intact", crc32(boot->module, (size_t)size), expected);
  struct tally tail = {0};
  const uint8_t *bytes = boot->module;
  for (uint64_t i = size; i < rounded; i++) tally_item(&tail, i, bytes[i], 0);
  check_tally("ramdisk-tail-zero", &tail);
}
