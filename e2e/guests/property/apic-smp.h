/* The code that a startup IPI begins in real mode, to be copied to a page below 1 MiB. */
#pragma once

/* Where it is copied to: a page that is RAM, and that the loader has put nothing into. */
#define TRAMPOLINE 0x8000
