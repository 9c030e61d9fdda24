/* Code addresses as the frames of a snapshot. Private to src/session. */
#ifndef TM_SESSION_NATIVE_FRAMES_H
#define TM_SESSION_NATIVE_FRAMES_H

#include "native/symbols.h"
#include "trace/recorder_traces.h"

/* For tm_recorder_build(). The symbolizer is borrowed. */
struct tm_frame_source tm_native_frames(struct tm_symbolizer *symbolizer);

#endif
