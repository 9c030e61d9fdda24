#include "control/wait.h"

#include <time.h>

#include "target/late.h"

void control_wait(uint64_t *ns, uint64_t max_ns)
{
	struct timespec t = { .tv_nsec = (long)*ns };

	nanosleep(&t, NULL);
	tm_late_poll();
	*ns = *ns * 2 < max_ns ? *ns * 2 : max_ns;
}
