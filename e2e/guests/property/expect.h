/* Forms of checks that property guests have much of. */
#pragma once
#include "verdict.h"

/* The result of a hypercall. */
static inline void expect(const char *name, long result, long expected) {
  check_equal(name, (uint32_t)result, (uint32_t)expected);
}

/* A port, or something else that is above 0. */
static inline void expect_port(const char *name, long result) {
  check(name, result > 0, (uint32_t)result, "a port");
}

static inline void expect_at_least(const char *name, uint64_t found, uint64_t least) {
  if (found < least) check_equal("least", found, least);
  check(name, found >= least, found, "as much or more");
}

static inline uint64_t apart(uint64_t a, uint64_t b) {
  return a > b ? a - b : b - a;
}

/* Two times or amounts that differ by `most` at most. */
static inline void expect_close(const char *name, uint64_t found, uint64_t expected, uint64_t most) {
  check(name, apart(found, expected) <= most, apart(found, expected), "a small difference");
}

/* A time that was read between two others, however long that took; `most` is what clocks may be apart. */
static inline void expect_between(const char *name, uint64_t before, uint64_t found, uint64_t after, uint64_t most) {
  check(name, found + most >= before && found <= after + most, found - before, "between the readings before and after it");
}
