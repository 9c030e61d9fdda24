/* The recorder's image as the build made it: mapped as it is, head first. */
#ifndef TM_INJECT_RECORDER_IMAGE_H
#define TM_INJECT_RECORDER_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "recorder/abi.h"

extern const unsigned char tm_recorder_image[];
extern const size_t tm_recorder_image_size;
/* Offsets in it. */
extern const uint32_t tm_recorder_hooks[TM_HOOK_COUNT];
extern const uint32_t tm_recorder_rest, tm_recorder_at_clock;
/* By tm_py_word(); 0: the word stays as it is. */
extern const uint32_t tm_recorder_py_hooks[TM_PY_SETS][TM_PY_WORDS];

#endif
