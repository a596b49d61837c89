/* Numbers that look random and are the same for the same seed (splitmix64). */
#pragma once
#include <stdint.h>

struct random {
  uint64_t state;
};

static inline uint64_t random_next(struct random *random) {
  uint64_t z = random->state += 0x9e3779b97f4a7c15;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return z ^ z >> 31;
}

/* Below `limit`, which is small against 2^32. */
static inline uint32_t random_below(struct random *random, uint32_t limit) {
  return (uint32_t)(random_next(random) >> 32) % limit;
}
