/* What the session adds to include/tmattach/source_lines.h. */
#ifndef TM_SESSION_SOURCE_LINES_H
#define TM_SESSION_SOURCE_LINES_H

#include "mem/mem.h"
#include "py/runtime.h"
#include "tmattach/format.h"
#include "tmattach/process.h"

/* Files by our own view, and what the core's memory holds besides them; both
 * are borrowed. `runtime` is NULL where there is no Python in it. */
struct tm_source_lines *tm_source_lines_of_core(struct tm_mem *mem,
						const struct py_runtime *runtime);

#endif
