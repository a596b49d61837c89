#include "image.h"
#include "verdict.h"

#define WORDS 256

/* Longer than any page's rest, so that what stands behind the data in the file would be found in it. */
static uint64_t bss_probe[1024] __attribute__((used, section(".bss.probe")));

extern const uint32_t text_pattern[WORDS];
extern uint32_t data_pattern[WORDS];

static void check_pattern(const char *name, const uint32_t *pattern) {
  struct tally words = {0};
  for (uint32_t i = 0; i < WORDS; i++) tally_item(&words, (uintptr_t)&pattern[i], pattern[i], i * 0x9e3779b9);
  check_tally(name, &words);
}

void check_image(void) {
  struct tally zero = {0};
  for (const unsigned long *word = (unsigned long *)bss_start; word < (unsigned long *)bss_end; word++)
    tally_item(&zero, (uintptr_t)word, *word, 0);
  check("bss-size", bss_end - bss_start >= (long)sizeof bss_probe, (uint64_t)(bss_end - bss_start),
        "at least two pages");
  check_tally("bss-zero", &zero);
  check_pattern("image-text", text_pattern);
  check_pattern("image-data", data_pattern);
}
