/* Waiting for the target between two looks at it. Private to src/control. */
#ifndef TM_CONTROL_WAIT_H
#define TM_CONTROL_WAIT_H

#include <stdint.h>

/* Longer each time, to `max_ns` in the end. */
void control_wait(uint64_t *ns, uint64_t max_ns);

#endif
