#include "text.h"

void *memcpy(void *to, const void *from, size_t size) {
  void *start = to;
  __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
  return start;
}

void *memset(void *to, int byte, size_t size) {
  void *start = to;
  __asm__ volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(byte) : "memory");
  return start;
}

int memcmp(const void *left, const void *right, size_t size) {
  const uint8_t *a = left, *b = right;
  for (size_t i = 0; i < size; i++)
    if (a[i] != b[i]) return a[i] - b[i];
  return 0;
}

uint32_t text_length(const char *text, uint32_t limit) {
  uint32_t length = 0;
  while (length < limit && text[length]) length++;
  return length;
}

uint32_t word_length(const char *text) {
  uint32_t length = 0;
  while (text[length] && text[length] != ' ') length++;
  return length;
}

uint32_t crc32_more(uint32_t crc, const void *data, size_t size) {
  static uint32_t table[256];
  for (uint32_t i = 0; i < 256 && !table[255]; i++) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; bit++) value = value >> 1 ^ (value & 1 ? 0xedb88320 : 0);
    table[i] = value;
  }
  crc = ~crc;
  for (const uint8_t *byte = data; size; size--) crc = crc >> 8 ^ table[(crc ^ *byte++) & 255];
  return ~crc;
}

uint32_t crc32(const void *data, size_t size) {
  return crc32_more(0, data, size);
}

const char *option(const char *line, const char *key) {
  for (const char *word = line; *word; word++) {
    if (word != line && word[-1] != ' ') continue;
    const char *rest = word;
    const char *name = key;
    while (*name && *rest == *name) rest++, name++;
    if (!*name && *rest == '=') return rest + 1;
  }
  return NULL;
}

static int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return 16;
}

bool option_number(const char *line, const char *key, uint64_t *value) {
  const char *text = option(line, key);
  if (!text) return false;
  int base = text[0] == '0' && text[1] == 'x' ? 16 : 10;
  if (base == 16) text += 2;
  if (digit(*text) >= base) return false;
  for (*value = 0; digit(*text) < base; text++) *value = *value * (unsigned)base + (unsigned)digit(*text);
  return *text == ' ' || *text == 0;
}

bool option_is(const char *line, const char *key, const char *value) {
  const char *text = option(line, key);
  if (!text) return false;
  while (*value && *text == *value) text++, value++;
  return !*value && (*text == ' ' || *text == 0);
}
