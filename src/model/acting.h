/*
 * Which frame of a traceback a block is put down to: the most recent one that does
 * more than allocate for its caller. Python frames always do, and C functions that they
 * have called never. Private to src/model.
 */
#ifndef TM_MODEL_ACTING_H
#define TM_MODEL_ACTING_H

#include "model/pattern.h"
#include "tmattach/stats.h"

struct acting {
	const struct tm_snapshot *snapshot;
	const struct tm_skip *skip;
	struct pattern *patterns; /* of skip */
	unsigned char *known;     /* per frame, what is_wrapper() has found */
};

/* `skip` may be NULL: what is skipped without being asked for. */
void acting_init(struct acting *acting, const struct tm_snapshot *snapshot,
		 const struct tm_skip *skip);
void acting_free(struct acting *acting);
/* Its index in the traceback. */
uint32_t acting_index(struct acting *acting, tm_id traceback);

/* A demangled function without the result that a template's begins with, and
 * without arguments: "void f<int (*)()>(int)" is "f<int (*)()>". */
struct tm_text function_bare_name(struct tm_text function);

static inline tm_id acting_frame(struct acting *acting, tm_id traceback)
{
	const struct tm_snapshot *s = acting->snapshot;

	return s->frame_ids[s->tracebacks[traceback].first + acting_index(acting, traceback)];
}

#endif
