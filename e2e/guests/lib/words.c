#include "words.h"

static void add(struct words *words, char c) {
  if (words->length + 1 >= words->size) return;
  words->text[words->length++] = c;
  words->text[words->length] = 0;
}

void words_add(struct words *words, const char *text) {
  while (*text) add(words, *text++);
}

void words_add_number(struct words *words, uint32_t value) {
  char digits[10];
  int count = 0;
  do {
    digits[count++] = (char)('0' + value % 10);
    value /= 10;
  } while (value);
  while (count) add(words, digits[--count]);
}

bool text_is(const char *left, const char *right) {
  while (*left && *left == *right) left++, right++;
  return *left == *right;
}

bool text_begins(const char *text, const char *start) {
  while (*start && *text == *start) text++, start++;
  return !*start;
}

bool text_number(const char *text, uint64_t *value) {
  if (!*text) return false;
  for (*value = 0; *text >= '0' && *text <= '9'; text++) *value = *value * 10 + (uint64_t)(*text - '0');
  return !*text;
}
