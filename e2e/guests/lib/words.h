/* Building and reading of short texts. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A text that grows up to its end; what does not fit is left out. Always ends with a NUL. */
struct words {
  char *text;
  size_t size;
  size_t length;
};

void words_add(struct words *words, const char *text);
void words_add_number(struct words *words, uint32_t value);

/* A struct words with room in an array of its own. */
#define WORDS(name, room)  \
  char name##_text[room];  \
  struct words name = {name##_text, sizeof name##_text, 0}; \
  name##_text[0] = 0

bool text_is(const char *left, const char *right);
/* Whether `text` begins with `start`. */
bool text_begins(const char *text, const char *start);
/* A decimal number that is the whole text. */
bool text_number(const char *text, uint64_t *value);
