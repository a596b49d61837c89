/*
 * The command line and the ramdisk, which carry their own checksums. The command line says
 *   memory_mib=N ramdisk_size=N ramdisk_crc32=0x... ... cmdline_crc32=0x...
 * and its last word is the checksum of everything before it, the blank included.
 */
#pragma once
#include "boot.h"

void check_command_line(const char *line);
void check_ramdisk(const struct boot *boot, bool size_is_page_rounded);
