/* Echoes lines from the serial port to the serial port; `quit` powers off. Also the guest for console tests. */
#include "boot.h"
#include "console.h"
#include "cpu.h"
#include "power.h"
#include "text.h"

#define COM1 0x3f8
#define LINE_STATUS (COM1 + 5)
#define DATA_READY 0x01
#define TRANSMITTER_EMPTY 0x20

static void serial_write(const char *text) {
  for (; *text; text++) {
    while (!(in8(LINE_STATUS) & TRANSMITTER_EMPTY)) __asm__ volatile("pause");
    out8(COM1, (uint8_t)*text);
  }
}

static char serial_read(void) {
  while (!(in8(LINE_STATUS) & DATA_READY)) __asm__ volatile("pause");
  return (char)in8(COM1);
}

static void read_line(char *line, uint32_t size) {
  uint32_t length = 0;
  for (;;) {
    char c = serial_read();
    if (c == '\n' || c == '\r') break;
    if (length + 1 < size) line[length++] = c;
  }
  line[length] = 0;
}

_Noreturn void guest_main(void) {
  static char line[1024];
  serial_write("echo: ready\n");
  for (;;) {
    read_line(line, sizeof line);
    if (!memcmp(line, "quit", sizeof "quit")) break;
    serial_write("echo: ");
    serial_write(line);
    serial_write("\n");
  }
  serial_write("echo: bye\n");
  power_off();
}
