/*
 * One line per promise, then one verdict:
 *   ok - NAME: DETAIL
 *   FAIL - NAME: found X, expected Y
 *   VERDICT PASS n checks | VERDICT FAIL k of n
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* The value must be exactly `expected`. */
void check_equal(const char *name, uint64_t found, uint64_t expected);
/* The bits in `mask` must be as in `expected`; the others are free. */
void check_bits(const char *name, uint64_t found, uint64_t mask, uint64_t expected);
/* `found` is the value that decided; `expected` says in words what would be right. */
void check(const char *name, bool holds, uint64_t found, const char *expected);
/* Text of at most `limit` bytes; it ends there or with a NUL. */
void check_text(const char *name, const char *found, uint32_t limit, const char *expected);

/* A promise about many items: what the first wrong one was. */
struct tally {
  uint64_t items;
  uint64_t wrong;
  uint64_t where;
  uint64_t found;
  uint64_t expected;
};

void tally_wrong(struct tally *tally, uint64_t where, uint64_t found, uint64_t expected);

/* Inline, because it runs many thousand times and some hosts emulate every instruction of it. */
static inline void tally_item(struct tally *tally, uint64_t where, uint64_t found, uint64_t expected) {
  tally->items++;
  if (found != expected) tally_wrong(tally, where, found, expected);
}

void check_tally(const char *name, const struct tally *tally);

/* Printed before a step that may fault, so that the last line locates a triple fault. */
void trying(const char *what);

/* Prints the verdict; powers off when every check held, else ends as a crash. */
_Noreturn void finish(void);
