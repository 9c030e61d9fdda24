/* The recorder's table in a core file. Private to src/session. */
#ifndef TM_SESSION_CORE_RECORDER_H
#define TM_SESSION_CORE_RECORDER_H

#include "mem/core_file.h"
#include "target/maps.h"
#include "tmattach/model.h"

struct core_recorder;

/* What is looked at; all of it is borrowed. */
struct core_recorder_place {
	const struct tm_core_file *file;
	struct tm_mem *mem;
	const struct tm_maps *maps;
	const char *object;      /* for messages */
	/* Where the executable is found if not at its place; NULL: there. */
	const char *exe, *exe_was;
};

/* NULL with *err: TM_ERR_NOT_TRACED where no recorder was in the process,
 * TM_ERR_UNSUPPORTED where its table was not written to the core. */
struct core_recorder *core_recorder_find(const struct core_recorder_place *place,
					 struct tm_err *err);
void core_recorder_close(struct core_recorder *recorder); /* NULL is fine */

/* The traces; `meta` is what is known already, and is completed. */
struct tm_snapshot *core_recorder_snapshot(struct core_recorder *recorder,
					   struct tm_meta *meta,
					   struct tm_err *err);

#endif
