#include "console.h"

void print(const char *text) {
  while (*text) put_char(*text++);
}

void print_untrusted(const char *text, uint32_t limit) {
  for (uint32_t i = 0; i < limit && text[i]; i++) put_char(text[i] < ' ' || text[i] > '~' ? '?' : text[i]);
}

void print_hex(uint64_t value) {
  print("0x");
  int shift = 60;
  while (shift > 0 && !(value >> shift)) shift -= 4;
  for (; shift >= 0; shift -= 4) put_char("0123456789abcdef"[value >> shift & 15]);
}

/* Without 64-bit division, which a 32-bit guest would need a library for. */
void print_decimal(uint64_t value) {
  char digits[20];
  int count = 0;
  do {
    uint64_t quotient = 0, remainder = 0;
    for (int bit = 63; bit >= 0; bit--) {
      remainder = remainder << 1 | (value >> bit & 1);
      if (remainder < 10) continue;
      remainder -= 10;
      quotient |= 1ull << bit;
    }
    digits[count++] = (char)('0' + (char)remainder);
    value = quotient;
  } while (value);
  while (count) put_char(digits[--count]);
}
