/*
 * What a classic PVH kernel of Linux asks of Xen from its entry to power-off, call for call, with the arguments that it
 * uses. Each step checks the result that the kernel would stop at. Traced from 3.18.140, 4.9.337 and 4.10.17.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "address.h"

#define NR_CPUS 16

struct linux_variant {
  const char *release;
  /* Kernels up to 4.2 flush other vCPUs' TLBs with a hypercall, and bind the vCPU's ports around VCPUOP_initialise. */
  bool flushes_by_hypercall;
  /* Kernels from 4.3 on ask for the runstate update flag and for a performance counter. */
  bool asks_for_more;
};

extern const struct linux_variant linux_variant;

/* A per-CPU area; vcpu_info lies at 0x840 of it. */
struct percpu {
  uint8_t page[PAGE_SIZE];
};

extern struct percpu percpu[NR_CPUS];
/* How many vCPUs there are, and a runstate area for each. */
extern unsigned cpus;

/* BUG_ON(result != 0) and the like: the guest ends as a crash. */
void bug_on(const char *name, bool broken, long found);
/* A result that the kernel takes as it comes, as long as it is one of two. */
void tolerates(const char *name, long result, long one, long other);

void start_kernel(void);         /* early.c: up to the memory map */
void setup_cr0(void);
void setup_page_tables(void);    /* page-tables.c */
unsigned long own_cr3(void);
void set_page(unsigned long address, unsigned long frame);
void vcpu_info_placement(void);  /* early.c */
void init_IRQ(void);             /* irq.c */
unsigned bind_virq_to_cpu(unsigned virq, unsigned cpu);
unsigned bind_ipi_to_cpu(unsigned cpu);
void bind_evtchn_to_cpu(unsigned port, unsigned cpu);
void unmask_port(unsigned port);
void register_runstate(unsigned cpu);
void time_init(void);            /* time.c */
void setup_timer(unsigned cpu);
void stop_timer(unsigned cpu);
void tick(uint64_t nanoseconds);
void run_timer(void);
/* sti; hlt: until an event came. */
void idle(void);
void smp_prepare_boot_cpu(void); /* smp.c */
void smp_boot_cpus(void);
void smp_work(void);
void smp_stop_cpus(void);
void console_init(void);         /* devices.c */
void console_print(const char *text);
void console_flush(void);
void grant_table_init(void);
void xenbus_init(void);
