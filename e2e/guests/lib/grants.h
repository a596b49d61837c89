/*
 * The guest's grant table: its first frames stand over pages of the guest's own, entries are of version 1. References are
 * given out from 8 on; those below belong to the toolstack (0 console, 1 store).
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "xen-grant.h"

#define GRANT_FRAMES 4
#define GRANT_ENTRIES (GRANT_FRAMES * 512u)
#define FIRST_FREE_GRANT 8
#define NO_GRANT 0xffffffffu

/* Entries as the guest and its peers see them; valid after grants_init. */
extern volatile struct grant_entry *grant_table;

/* Has the frames placed, the highest first, once; ends the guest on failure. */
void grants_init(void);
/* Lets `domid` use the page; NO_GRANT when there are no more references. */
uint32_t grant_access(unsigned domid, const volatile void *page, bool readonly);
/* The same for a frame that need not be a page. */
uint32_t grant_frame(unsigned domid, unsigned long frame, bool readonly);
/* Takes the grant back. False, and the grant stays, while it is in use. */
bool grant_end(uint32_t ref);
/* Whether somebody has begun to use the grant and not ended. */
bool grant_in_use(uint32_t ref);
/* How many references are given out. */
uint32_t grants_used(void);

/* One operation of GRANT_TABLE_OP; returns what the hypercall does. */
long grant_operation(unsigned command, volatile void *argument, unsigned count);
