#include "arch/arch.h"

#include <asm/unistd.h>

static const char *const names[] = {
/* Made from <asm/unistd.h> by the Makefile: one `[__NR_x] = "x",` per call. */
#include "syscalls.def"
};

const char *tm_syscall_name(long nr)
{
	if (nr < 0 || (size_t)nr >= sizeof(names) / sizeof(names[0]))
		return NULL;
	return names[nr];
}
