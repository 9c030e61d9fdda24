/* Frames of one snapshot, for the files of this room. */
#ifndef TM_MODEL_FRAME_H
#define TM_MODEL_FRAME_H

#include "tmattach/model.h"

struct tm_frame_view frame_view(const struct tm_snapshot *snapshot,
				tm_id frame);

#endif
