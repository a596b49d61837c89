/* The guest's own image: where it lies, and contents that show whether it was loaded whole. */
#pragma once
#include <stdint.h>

extern uint8_t image_start[], bss_start[], bss_end[], image_end[];

/* Checks that .bss is zero, and the patterns at both ends of the file-backed data. */
void check_image(void);
