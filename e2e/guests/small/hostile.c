/* Attacks the VMM through all that a guest reaches: every port, string I/O, hypercall arguments. Survives, or it failed. */
#include "boot.h"
#include "console.h"
#include "cpu.h"
#include "hypercall.h"
#include "real-xen.h"
#include "text.h"
#include "verdict.h"

#define HYPERCALL_MSR 0x40000000u
#define CONSOLE_LIMIT 0x7fffffffu

static uint8_t block[16384] __attribute__((aligned(4096)));

/* Ports that output goes to or that end the guest. */
static bool spared(uint32_t port) {
  return port == DEBUG_PORT || (port >= 0x3f8 && port < 0x400) || (port >= 0x600 && port < 0x606) || port == 0x64 ||
         (port >= 0xcf8 && port < 0xd00);
}

static void every_port(void) {
  for (uint32_t port = 0; port < 0x10000; port += port < 0x1000 ? 1 : 97) {
    if (spared(port)) continue;
    in8((uint16_t)port);
    in16((uint16_t)port);
    out8((uint16_t)port, 0xff);
    out16((uint16_t)port, 0xffff);
  }
  check("ports", true, 0x10000, "no end");
}

static void strings(uint16_t port) {
  const void *from = block;
  void *to = block;
  unsigned long count = sizeof block;
  __asm__ volatile("rep outsb" : "+c"(count), "+S"(from) : "d"(port) : "memory");
  count = sizeof block / 4;
  __asm__ volatile("rep insl" : "+c"(count), "+D"(to) : "d"(port) : "memory");
  check("string-io", count == 0, count, "0");
}

/* Nothing is at these addresses, or not enough of it. */
static void bad_address(unsigned long address) {
  static const uint32_t counts[] = {2, 4095, 4096, 4097, CONSOLE_LIMIT, CONSOLE_LIMIT + 1, 0xffffffff};
  for (uint32_t i = 0; i < sizeof counts / sizeof *counts; i++) {
    /* Xen, when not built for debugging, lets no ordinary domain write there at all. */
    long refusal = counts[i] > CONSOLE_LIMIT ? XEN_EINVAL : XEN_EFAULT;
    long expected = real_xen() ? XEN_EPERM : refusal;
    check_equal("console_io", (uint32_t)hypercall(HYPERCALL_CONSOLE_IO, CONSOLEIO_WRITE, counts[i], address),
                (uint32_t)expected);
  }
  check_equal("memory_map", (uint32_t)hypercall(HYPERCALL_MEMORY_OP, XENMEM_MEMORY_MAP, address, 0),
              (uint32_t)XEN_EFAULT);
  check_equal("shutdown", (uint32_t)hypercall(HYPERCALL_SCHED_OP, SCHEDOP_SHUTDOWN, address, 0), (uint32_t)XEN_EFAULT);
  struct xen_memory_map map = {0xffffffff, (void *)address};
  check_equal("memory_map-buffer", (uint32_t)hypercall_pointer(HYPERCALL_MEMORY_OP, XENMEM_MEMORY_MAP, &map),
              (uint32_t)XEN_EFAULT);
}

/* SCHEDOP_block waits for an event, and this guest has none; SCHEDOP_shutdown_code says what the next shutdown will be. */
static bool ends_or_waits(unsigned number, unsigned command) {
  if (number == HYPERCALL_IRET) return true;
  if (number != HYPERCALL_SCHED_OP) return false;
  return command == SCHEDOP_SHUTDOWN || command == SCHEDOP_BLOCK || command == SCHEDOP_SHUTDOWN_CODE;
}

static void bad_addresses(void) {
#ifdef __x86_64__
  static const unsigned long addresses[] = {0x1000, 0x7fffffffffff, 0x800000000000, 0xffff7fffffffffff,
                                            0xffff800000000000, 0xffffffff7fffffff, ~0ul};
#else
  write_msr(HYPERCALL_MSR, (unsigned long)hypercall_page);
  const unsigned long addresses[] = {(unsigned long)boot()->memory - 1, 0x7fffffff, 0xfd000000, ~0ul};
#endif
  for (uint32_t i = 0; i < sizeof addresses / sizeof *addresses; i++) bad_address(addresses[i]);
  for (unsigned number = 0; number < 64; number++)
    for (unsigned command = 0; command < 16; command++)
      if (!ends_or_waits(number, command)) hypercall(number, command, 1, ~0ul);
}

_Noreturn void guest_main(void) {
  every_port();
  memset(block, '.', sizeof block);
  strings(DEBUG_PORT);
  memset(block, '.', sizeof block);
  strings(0x1234);
  if (on_xen()) bad_addresses();
  finish();
}
