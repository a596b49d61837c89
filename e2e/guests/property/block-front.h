/* The front end of one block device: connecting, requests, closing. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "address.h"
#include "xen-block.h"
#include "xenbus.h"

#define BLOCK_MAX_QUEUES 4
#define BLOCK_MAX_ORDER 2
#define BLOCK_MAX_ENTRIES 128
#define BLOCK_PAGES 64
#define BLOCK_PAGE_SECTORS (BLOCK_PAGES * SECTORS_PER_PAGE)

/* How to connect. */
struct block_settings {
  /* The ring has 2^order pages. */
  uint32_t order;
  uint32_t queues;
  bool persistent;
};

struct block_queue {
  volatile struct blkif_ring *ring;
  uint32_t refs[1 << BLOCK_MAX_ORDER];
  uint32_t entries;
  unsigned port;
  uint32_t req_prod;
  uint32_t rsp_cons;
};

struct block_device {
  struct frontend frontend;
  struct block_settings settings;
  struct block_queue queues[BLOCK_MAX_QUEUES];
  /* Of block_pages, for the back end. */
  uint32_t page_refs[BLOCK_PAGES];
  /* What the back end says; sectors of 512 bytes. */
  uint64_t sectors;
  uint32_t info;
  bool flush, barrier, discard, persistent;
  uint32_t max_indirect, max_order, max_queues;
};

/* Pages that requests read into and write from. */
extern uint8_t block_pages[BLOCK_PAGES][PAGE_SIZE];

/* Waits for the back end's offer and reads it. Says what is wrong in checks; false then. */
bool block_offer(struct block_device *device, uint32_t id);
/* From the offer to both ends connected. */
bool block_connect(struct block_device *device, struct block_settings settings);
/* Closes, and checks that nothing stays granted. Then the back end may be asked for a new offer. */
bool block_close(struct block_device *device);

/* Puts an entry into the queue; block_push shows them to the back end. */
void block_put(struct block_queue *queue, const union blkif_entry *entry);
void block_push(struct block_queue *queue);
/* Takes the next response; false when none comes in time. */
bool block_take(struct block_queue *queue, struct blkif_response *response);
/* One entry and its response's status. The response must have the entry's id; 99 when none came. */
int block_call(struct block_queue *queue, union blkif_entry *entry);

/* A request of `count` sectors from `sector` on, to or from block_pages, page by page from `page`. */
union blkif_entry block_request(const struct block_device *device, uint8_t operation, uint64_t sector, uint32_t page,
                                uint32_t count);
