/*
 * Writes `kib=N` (default 512) KiB of numbered lines to the PV console as fast as the ring takes them, and at the end the
 * checksum of all: `flood: bytes=N crc32=0x...`. `chunk=N` (default 16) bytes go into the ring at a time.
 */
#include "boot.h"
#include "clock.h"
#include "console.h"
#include "events.h"
#include "power.h"
#include "pv-console.h"
#include "text.h"
#include "verdict.h"
#include "wait.h"

#define DEFAULT_KIB 512
#define DEFAULT_CHUNK 16
#define LINE_SIZE 64
/* A host that takes nothing for so long never will. */
#define TIMEOUT (60 * SECOND)

static void hex(char *to, uint32_t value) {
  for (int i = 7; i >= 0; i--, value >>= 4) to[i] = "0123456789abcdef"[value & 15];
}

/* "flood NUMBER xxxx...\n": which characters fill the line depends on its number. */
static void make_line(char *line, uint32_t number) {
  memcpy(line, "flood ", 6);
  hex(line + 6, number);
  line[14] = ' ';
  for (uint32_t i = 15; i < LINE_SIZE - 1; i++) line[i] = (char)('!' + (number + i) % 90);
  line[LINE_SIZE - 1] = '\n';
}

static void write_all(const char *bytes, uint32_t size, uint32_t chunk) {
  if (pv_console_write(bytes, size, chunk, TIMEOUT)) return;
  check("flood", false, console_ring->out_prod - console_ring->out_cons, "a ring that is emptied");
  finish();
}

_Noreturn void guest_main(void) {
  char line[LINE_SIZE];
  uint64_t kib = DEFAULT_KIB, chunk = DEFAULT_CHUNK;
  option_number(boot()->cmdline, "kib", &kib);
  option_number(boot()->cmdline, "chunk", &chunk);
  events_init();
  if (!pv_console_init()) {
    check("console", false, 0, "a ring and a port");
    finish();
  }
  wait_by_halting();
  uint32_t lines = (uint32_t)(kib * 1024 / LINE_SIZE), crc = 0;
  for (uint32_t i = 0; i < lines; i++) {
    make_line(line, i);
    crc = crc32_more(crc, line, LINE_SIZE);
    write_all(line, LINE_SIZE, chunk ? (uint32_t)chunk : 1);
  }
  char end[] = "flood: bytes=0x00000000 crc32=0x00000000\n";
  hex(end + 15, lines * LINE_SIZE);
  hex(end + 32, crc);
  write_all(end, sizeof end - 1, sizeof end);
  power_off();
}
