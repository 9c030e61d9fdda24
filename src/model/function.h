/* The functions that frames are grouped by: a file's, by name. */
#ifndef TM_MODEL_FUNCTION_H
#define TM_MODEL_FUNCTION_H

#include "model/tables.h"

struct function {
	bool native;
	tm_id filename; /* as TM_KEY_FILENAME sees it */
	tm_id name;     /* TM_ID_NONE: unknown */
};

struct function function_of(const struct tables *t, const struct tm_frame *frame);

/* The first frame of that function; TM_ID_NONE if there is none. */
tm_id function_find(const struct tables *t, const struct function *function);
/* Of a new frame: its entry in t->functions, which has room. */
void function_add(struct tables *t, tm_id id);

#endif
