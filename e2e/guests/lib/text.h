/* Text, memory and checksums, in place of a C library. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);
int memcmp(const void *left, const void *right, size_t size);

uint32_t text_length(const char *text, uint32_t limit);
/* Up to the next blank or the end. */
uint32_t word_length(const char *text);
/* CRC-32 as in gzip and Ethernet. */
uint32_t crc32(const void *data, size_t size);
/* Goes on with a checksum; 0 begins one. */
uint32_t crc32_more(uint32_t crc, const void *data, size_t size);
/* Finds `key=NUMBER` (decimal or 0x hex) among the words of a command line. */
bool option_number(const char *line, const char *key, uint64_t *value);
/* Whether the word `key=value` stands in a command line. */
bool option_is(const char *line, const char *key, const char *value);
/* Where the value of the word `key=...` begins, or NULL. */
const char *option(const char *line, const char *key);
