/*
 * What the fuzz guest throws at the hypervisor. The arena is the last MiB of RAM: all pointers and frames that are meant
 * to be valid lie there, nothing of the guest itself does, and nothing is mapped behind it, so that whatever runs on
 * over its end meets a fault and not the guest's code.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "address.h"
#include "random.h"

#define ARENA_PAGES 256u

extern struct random fuzz_random;
extern uint8_t *arena;
extern unsigned long arena_frame;

/* Maps the arena, and what `poke` needs (fuzz-classic.c, fuzz-direct.c). */
void arena_map(unsigned long frame);
/* Reads or writes guest-physical memory outside RAM. */
void poke(uint64_t address, uint32_t value, bool write);
/* Whether there is a local APIC that may be poked. */
bool has_apic(void);

/* Runs `action`; an exception or interrupt ends it early. With interrupts off before and after. */
void attempt(void (*action)(void));
/* Prepares for attempt: every vector comes back to it. */
void attempts_init(void);

/*
 * A pointer into the arena with at least `room` bytes behind it, aligned as longs are: what some_number put there is never
 * read in parts, which could make up a frame of the guest's image.
 */
void *arena_pointer(uint32_t room);
/* A frame of the arena, or one where nothing is, or a low one that nobody needs. */
unsigned long some_frame(void);
/* A number that is often interesting and never an address of the guest itself. */
unsigned long some_number(void);
/* A pointer as an argument: mostly into the arena, where what it points to has just been made up. */
unsigned long some_pointer(void);

/* One random hypercall that the guest can survive (fuzz-hypercalls.c). */
void fuzz_hypercall(void);
/* One random change of memory that the hypervisor shares, one MSR, port or address (fuzz-machine.c). */
void fuzz_shared_memory(void);
void fuzz_msr(void);
void fuzz_port(void);
void fuzz_memory(void);
/* Messages to the store that are well formed in the ring, whatever is in them. */
void fuzz_store_message(void);
