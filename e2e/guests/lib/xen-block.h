/* Block rings (public/io/blkif.h, public/io/ring.h), as guests of 32 and 64 bits lay them out. */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum {
  BLKIF_OP_READ = 0,
  BLKIF_OP_WRITE = 1,
  BLKIF_OP_WRITE_BARRIER = 2,
  BLKIF_OP_FLUSH_DISKCACHE = 3,
  BLKIF_OP_DISCARD = 5,
  BLKIF_OP_INDIRECT = 6,
};
enum { BLKIF_RSP_OKAY = 0, BLKIF_RSP_ERROR = -1, BLKIF_RSP_EOPNOTSUPP = -2 };
enum { VDISK_CDROM = 1, VDISK_REMOVABLE = 2, VDISK_READONLY = 4 };

#define BLKIF_SEGMENTS 11
#define BLKIF_INDIRECT_PAGES 8
#define SECTOR_SIZE 512
#define SECTORS_PER_PAGE 8
#ifdef __x86_64__
#define BLKIF_PROTOCOL "x86_64-abi"
#else
#define BLKIF_PROTOCOL "x86_32-abi"
#endif

struct blkif_segment {
  uint32_t gref;
  uint8_t first_sect;
  uint8_t last_sect;
};

struct blkif_request {
  uint8_t operation;
  uint8_t nr_segments;
  uint16_t handle;
  uint64_t id;
  uint64_t sector;
  struct blkif_segment segments[BLKIF_SEGMENTS];
};

struct blkif_request_discard {
  uint8_t operation;
  uint8_t flag;
  uint16_t handle;
  uint64_t id;
  uint64_t sector;
  uint64_t nr_sectors;
};

struct blkif_request_indirect {
  uint8_t operation;
  uint8_t indirect_op;
  uint16_t nr_segments;
  uint64_t id;
  uint64_t sector;
  uint16_t handle;
  uint32_t grefs[BLKIF_INDIRECT_PAGES];
};

struct blkif_response {
  uint64_t id;
  uint8_t operation;
  int16_t status;
};

union blkif_entry {
  struct blkif_request request;
  struct blkif_request_discard discard;
  struct blkif_request_indirect indirect;
  struct blkif_response response;
};

/* What begins a shared ring. */
struct ring_header {
  uint32_t req_prod, req_event;
  uint32_t rsp_prod, rsp_event;
  uint8_t private[48];
};

struct blkif_ring {
  struct ring_header header;
  union blkif_entry entries[];
};

_Static_assert(sizeof(struct blkif_request) == (sizeof(long) == 8 ? 112 : 108), "blkif_request");
_Static_assert(sizeof(struct blkif_response) == (sizeof(long) == 8 ? 16 : 12), "blkif_response");
_Static_assert(sizeof(union blkif_entry) == sizeof(struct blkif_request), "blkif_sring_entry");
_Static_assert(sizeof(struct ring_header) == 64, "sring header");
