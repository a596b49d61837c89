#include "real-xen.h"
#include "boot.h"
#include "text.h"

static const char *number(const char *text, uint32_t *value) {
  for (*value = 0; *text >= '0' && *text <= '9'; text++) *value = *value * 10 + (uint32_t)(*text - '0');
  return text;
}

uint32_t real_xen(void) {
  uint32_t major, minor;
  const char *word = option(boot()->cmdline, "xen");
  if (!word) return 0;
  word = number(word, &major);
  if (*word == '.') word++;
  number(word, &minor);
  return XEN_RELEASE(major, minor);
}
