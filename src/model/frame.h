/* Frames of one snapshot, for the files of this room. */
#ifndef TM_MODEL_FRAME_H
#define TM_MODEL_FRAME_H

#include "tmattach/model.h"

/* The string id that filters and TM_KEY_FILENAME see. */
tm_id frame_filename(const struct tm_snapshot *snapshot, tm_id frame);

/* The string id of its function; TM_ID_NONE: unknown. */
tm_id frame_function(const struct tm_snapshot *snapshot, tm_id frame);

static inline const tm_id *traceback_frames(const struct tm_snapshot *s,
					    tm_id traceback)
{
	return &s->frame_ids[s->tracebacks[traceback].first];
}

#endif
