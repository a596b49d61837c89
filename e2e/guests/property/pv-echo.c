/* Echoes lines on the PV console, through its ring; `quit` powers off. */
#include "boot.h"
#include "clock.h"
#include "console.h"
#include "events.h"
#include "power.h"
#include "pv-console.h"
#include "verdict.h"
#include "wait.h"
#include "words.h"

#define FOR_EVER (1000000 * SECOND)

static void read_line(char *line, uint32_t size) {
  uint32_t length = 0;
  for (;;) {
    char c;
    while (!pv_console_take(&c, 1)) pv_console_wait(FOR_EVER);
    if (c == '\n' || c == '\r') break;
    if (length + 1 < size) line[length++] = c;
  }
  line[length] = 0;
}

_Noreturn void guest_main(void) {
  static char line[4096];
  events_init();
  if (!pv_console_init()) {
    check("console", false, 0, "a ring and a port");
    finish();
  }
  wait_by_halting();
  pv_console_print("echo: ready\n");
  for (;;) {
    read_line(line, sizeof line);
    if (text_is(line, "quit")) break;
    pv_console_print("echo: ");
    pv_console_print(line);
    pv_console_print("\n");
  }
  pv_console_print("echo: bye\n");
  power_off();
}
