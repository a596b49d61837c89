#include "linux.h"

const struct linux_variant linux_variant = {"4.x", false, true};
