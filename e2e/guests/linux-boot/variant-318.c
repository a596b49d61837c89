#include "linux.h"

const struct linux_variant linux_variant = {"3.18", true, false};
