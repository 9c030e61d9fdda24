#include "native/demangle.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* libiberty's; its header wants a config.h. DMGL_* as in binutils 2.40. */
char *cplus_demangle(const char *mangled, int options);
enum { DMGL_PARAMS = 1 << 0, DMGL_ANSI = 1 << 1, DMGL_AUTO = 1 << 8 };

static bool looks_mangled(const char *name)
{
	return strncmp(name, "_Z", 2) == 0 || strncmp(name, "_R", 2) == 0 ||
	       strncmp(name, "_D", 2) == 0 || strncmp(name, "___Z", 4) == 0;
}

const char *native_demangle(struct tm_arena *arena, const char *name)
{
	const char *kept = name;
	char *plain;

	if (!looks_mangled(name))
		return name;
	plain = cplus_demangle(name, DMGL_PARAMS | DMGL_ANSI | DMGL_AUTO);
	if (plain)
		kept = tm_arena_bytes(arena, plain, strlen(plain) + 1);
	free(plain);
	return kept;
}
