/* Single instructions of the CPU, for 32- and 64-bit guests. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline uint8_t in8(uint16_t port) {
  uint8_t value;
  __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}

static inline uint16_t in16(uint16_t port) {
  uint16_t value;
  __asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}

static inline uint32_t in32(uint16_t port) {
  uint32_t value;
  __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}

static inline void out8(uint16_t port, uint8_t value) {
  __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline void out16(uint16_t port, uint16_t value) {
  __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint64_t read_msr(uint32_t index) {
  uint32_t low, high;
  __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(index));
  return (uint64_t)high << 32 | low;
}

static inline void write_msr(uint32_t index, uint64_t value) {
  __asm__ volatile("wrmsr" : : "c"(index), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}

static inline uint64_t read_tsc(void) {
  uint32_t low, high;
  __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
  return (uint64_t)high << 32 | low;
}

static inline unsigned long read_dr7(void) {
  unsigned long value;
  __asm__ volatile("mov %%dr7, %0" : "=r"(value));
  return value;
}

static inline void invalidate_page(const volatile void *page) {
  __asm__ volatile("invlpg (%0)" : : "r"(page) : "memory");
}

struct cpuid {
  uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid cpuid(uint32_t leaf) {
  struct cpuid r;
  __asm__ volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(0));
  return r;
}

_Noreturn static inline void halt_forever(void) {
  for (;;) __asm__ volatile("cli; hlt");
}

/*
 * With an empty IDT every exception ends in a triple fault. A division by zero rather than ud2, because KVM reports
 * ud2 in emulated kernel code as an instruction it cannot emulate.
 */
_Noreturn static inline void triple_fault(void) {
  static const struct {
    uint16_t limit;
    unsigned long base;
  } __attribute__((packed)) empty = {0, 0};
  for (;;) __asm__ volatile("lidt %0; xor %%ecx, %%ecx; div %%ecx" : : "m"(empty) : "eax", "ecx", "edx");
}
