#include "address.h"
#include "window.h"

volatile uint8_t *window(unsigned long frame) {
  return frame_pointer(frame);
}
