/* The boot stack and the mapped slack above it, which guests use as scratch memory. */
#include "checks.h"
#include "verdict.h"

#define SLACK 0x80000

static uint64_t push_on(uint64_t stack_pointer, uint64_t value) {
  uint64_t popped;
  __asm__ volatile(
      "mov %%rsp, %%rbx\n\t"
      "mov %1, %%rsp\n\t"
      "push %2\n\t"
      "pop %0\n\t"
      "mov %%rbx, %%rsp"
      : "=r"(popped)
      : "r"(stack_pointer), "r"(value)
      : "rbx", "memory");
  return popped;
}

void check_stack(void) {
  uint64_t top = entry_state.rsp;
  volatile uint64_t *page = (volatile uint64_t *)(top - PAGE_SIZE);
  check_bits("rsp-aligned", top, PAGE_SIZE - 1, 0);
  check("stack-mapped", is_mapped(top - PAGE_SIZE, PAGE_SIZE), top, "a page inside the initial mapping below rsp");
  check("stack-slack", is_mapped(top, SLACK), mapping_end - top, "at least 512 KiB mapped above the stack");
  if (!is_mapped(top - PAGE_SIZE, PAGE_SIZE)) return;
  trying("push on the boot stack");
  check_equal("stack-push", push_on(top, 0xfeedface), 0xfeedface);
  check_equal("stack-top-word", page[PAGE_SIZE / 8 - 1], 0xfeedface);
  trying("write the lowest word of the boot stack");
  *page = 0xb0770;
  check_equal("stack-lowest-word", *page, 0xb0770);

  trying("write every page above the boot stack");
  struct tally slack = {0};
  for (uint64_t at = top; at < mapping_end; at += PAGE_SIZE) *(volatile uint64_t *)at = at;
  for (uint64_t at = top; at < mapping_end; at += PAGE_SIZE) tally_item(&slack, at, *(volatile uint64_t *)at, at);
  check_tally("slack-writable", &slack);
}
