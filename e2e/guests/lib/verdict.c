#include "verdict.h"
#include "console.h"
#include "power.h"

static uint32_t checks;
static uint32_t failures;

static void begin(const char *name, bool holds) {
  checks++;
  if (!holds) failures++;
  print(holds ? "ok - " : "FAIL - ");
  print(name);
  print(": ");
}

static void report(const char *name, bool holds, uint64_t found, uint64_t expected) {
  begin(name, holds);
  if (!holds) print("found ");
  print_hex(found);
  if (!holds) {
    print(", expected ");
    print_hex(expected);
  }
  put_char('\n');
}

void check_equal(const char *name, uint64_t found, uint64_t expected) {
  report(name, found == expected, found, expected);
}

void check_bits(const char *name, uint64_t found, uint64_t mask, uint64_t expected) {
  report(name, (found & mask) == expected, found & mask, expected);
}

void check(const char *name, bool holds, uint64_t found, const char *expected) {
  begin(name, holds);
  if (!holds) print("found ");
  print_hex(found);
  print(holds ? ", " : ", expected ");
  print(expected);
  put_char('\n');
}

void check_text(const char *name, const char *found, uint32_t limit, const char *expected) {
  uint32_t i = 0;
  while (i < limit && found[i] && found[i] == expected[i]) i++;
  bool holds = !expected[i] && (i == limit || !found[i]);
  begin(name, holds);
  if (!holds) print("found ");
  put_char('"');
  print_untrusted(found, limit);
  put_char('"');
  if (!holds) {
    print(", expected \"");
    print(expected);
    put_char('"');
  }
  put_char('\n');
}

void tally_wrong(struct tally *tally, uint64_t where, uint64_t found, uint64_t expected) {
  if (tally->wrong++) return;
  tally->where = where;
  tally->found = found;
  tally->expected = expected;
}

void check_tally(const char *name, const struct tally *tally) {
  begin(name, !tally->wrong);
  if (tally->wrong) {
    print("found ");
    print_hex(tally->found);
    print(" at ");
    print_hex(tally->where);
    print(" (");
    print_decimal(tally->wrong);
    print(" wrong of ");
    print_decimal(tally->items);
    print("), expected ");
    print_hex(tally->expected);
  } else {
    print_decimal(tally->items);
    print(" right");
  }
  put_char('\n');
}

void trying(const char *what) {
  print("trying - ");
  print(what);
  put_char('\n');
}

_Noreturn void finish(void) {
  if (failures || !checks) {
    print("VERDICT FAIL ");
    print_decimal(failures);
    print(" of ");
    print_decimal(checks);
    put_char('\n');
    crash();
  }
  print("VERDICT PASS ");
  print_decimal(checks);
  print(" checks\n");
  power_off();
}
