#include "cpu.h"
#include "events.h"
#include "fuzz.h"
#include "grants.h"
#include "hypercall.h"
#include "pv-console.h"
#include "text.h"
#include "xenstore.h"

#define GNTTAB_RESERVED 8

/* Entries grant only the arena's frames: what a back end is made to touch is never the guest itself. */
static void spoil_grants(void) {
  uint32_t ref = GNTTAB_RESERVED + random_below(&fuzz_random, 128);
  if (!random_below(&fuzz_random, 8)) ref = random_below(&fuzz_random, 2);
  grant_table[ref].frame = (uint32_t)some_frame();
  grant_table[ref].domid = (uint16_t)random_below(&fuzz_random, 4);
  grant_table[ref].flags = (uint16_t)random_below(&fuzz_random, 64);
}

static void spoil_shared_info(void) {
  volatile uint8_t *bytes = (volatile uint8_t *)shared_info;
  uint32_t at = random_below(&fuzz_random, sizeof *shared_info / sizeof(long)) * sizeof(long);
  *(volatile unsigned long *)(bytes + at) = some_number();
}

static void spoil_store_ring(void) {
  volatile uint32_t *words = (volatile uint32_t *)store_ring;
  if (!store_ring) return;
  uint32_t at = random_below(&fuzz_random, 2) ? 512 + random_below(&fuzz_random, 7) : random_below(&fuzz_random, 512);
  words[at] = (uint32_t)some_number();
  event_send(store_port);
}

static void spoil_console_ring(void) {
  volatile uint32_t *words = (volatile uint32_t *)console_ring;
  if (!console_ring) return;
  words[768 + random_below(&fuzz_random, 4)] = (uint32_t)some_number();
  event_send(console_port);
}

void fuzz_shared_memory(void) {
  switch (random_below(&fuzz_random, 8)) {
    case 0:
      spoil_store_ring();
      break;
    case 1:
      spoil_console_ring();
      break;
    case 2:
    case 3:
    case 4:
      spoil_shared_info();
      break;
    default:
      spoil_grants();
  }
}

/* Sent as long as the ring takes it, and never waited for; once a ring is spoiled this only adds to it. */
void fuzz_store_message(void) {
  static const char *const words[] = {"data", "control/shutdown", "name", "/", "", "data/a", "@releaseDomain", "T", "F", "b0"};
  uint8_t message[256];
  uint32_t payload = 0;
  if (!store_ring) return;
  for (uint32_t i = 0, count = random_below(&fuzz_random, 4); i < count; i++) {
    const char *word = words[random_below(&fuzz_random, sizeof words / sizeof *words)];
    uint32_t length = text_length(word, 64) + 1;
    memcpy(message + 16 + payload, word, length);
    payload += length;
  }
  struct store_header header = {random_below(&fuzz_random, 26), (uint32_t)random_next(&fuzz_random),
                                random_below(&fuzz_random, 4), payload};
  if (!random_below(&fuzz_random, 64)) header.length = (uint32_t)some_number();
  memcpy(message, &header, sizeof header);
  uint32_t size = payload + 16, prod = store_ring->req_prod;
  if (prod - store_ring->req_cons > STORE_RING_SIZE - size) return;
  for (uint32_t i = 0; i < size; i++) store_ring->requests[(prod + i) % STORE_RING_SIZE] = message[i];
  store_ring->req_prod = prod + size;
  store_ring->rsp_cons = store_ring->rsp_prod;
  event_send(store_port);
}

/* MSRs that hypervisors define; of the CPU's own only those that hold nothing the guest lives on. */
void fuzz_msr(void) {
  static const uint32_t written[] = {0x11, 0x12, 0x174, 0x175, 0x176, 0x4b564d00, 0x4b564d01, 0x4b564d02, 0x4b564d03,
                                     0x4b564d04, 0xc0000103, 0xc0010015, 0xc0011029, 0xc001001f};
  static const uint32_t bases[] = {0, 0x10, 0x170, 0x200, 0x277, 0x400, 0x680, 0x800, 0xc80, 0x40000000, 0x40000100,
                                   0x4b564d00, 0xc0000080, 0xc0000100, 0xc0010000, 0xc0011020};
  if (random_below(&fuzz_random, 2)) {
    read_msr(bases[random_below(&fuzz_random, sizeof bases / sizeof *bases)] + random_below(&fuzz_random, 64));
    return;
  }
  uint64_t value = random_below(&fuzz_random, 2) ? (uint64_t)some_frame() * PAGE_SIZE | random_below(&fuzz_random, 4)
                                                 : (uint64_t)some_number();
  switch (random_below(&fuzz_random, 4)) {
    case 0:
      write_msr(0x40000000 + random_below(&fuzz_random, 256), value);
      break;
    case 1: {
      /* x2APIC registers, but for the one that can stop or reset vCPUs. */
      uint32_t index = random_below(&fuzz_random, 64);
      if (index != 0x30 && has_apic()) write_msr(0x800 + index, random_below(&fuzz_random, 2) ? value & 0x7f0ff : value);
      break;
    }
    default:
      write_msr(written[random_below(&fuzz_random, sizeof written / sizeof *written)], value);
  }
}

static bool spared(uint32_t port) {
  return port == 0xe9 || (port >= 0x3f8 && port < 0x400) || (port >= 0x600 && port < 0x606) || port == 0x64 || port == 0x92 ||
         (port >= 0xcf8 && port < 0xd00);
}

/* Four bytes at once only where hypercalls cannot be meant: the page's stubs use a port that fits into a byte. */
void fuzz_port(void) {
  uint16_t port = (uint16_t)random_next(&fuzz_random);
  uint32_t value = (uint32_t)random_next(&fuzz_random);
  if (random_below(&fuzz_random, 2)) port &= 0xff;
  if (spared(port)) return;
  switch (random_below(&fuzz_random, 5)) {
    case 0:
      in8(port);
      break;
    case 1:
      in16(port);
      break;
    case 2:
      in32(port);
      break;
    case 3:
      out8(port, (uint8_t)value);
      break;
    default:
      out16(port, (uint16_t)value);
  }
}

/* Addresses of the hole below 4 GiB and above RAM, the local APIC's among them; and the arena, wherever its pages are now. */
void fuzz_memory(void) {
  bool write = random_below(&fuzz_random, 2);
  uint32_t value = (uint32_t)some_number();
  uint32_t offset = random_below(&fuzz_random, PAGE_SIZE / 4) * 4;
  switch (random_below(&fuzz_random, 4)) {
    case 0:
      poke(0xfd000000ull + random_below(&fuzz_random, 1024) * PAGE_SIZE + offset, value, write);
      break;
    case 1:
      /* The interrupt command register can stop and reset vCPUs. */
      offset = random_below(&fuzz_random, 64) * 16;
      if (has_apic() && offset != 0x300) poke(0xfee00000ull + offset, value, write);
      break;
    default: {
      volatile uint32_t *word = (volatile uint32_t *)(arena + random_below(&fuzz_random, ARENA_PAGES) * PAGE_SIZE + offset);
      if (write)
        *word = value;
      else
        (void)*word;
    }
  }
}
