/* What the recorder's sources have around them where they run here instead of there: its
 * head, which can be written, and what entry.S has for C. */
#ifndef TM_RECORDER_IMAGE_H
#define TM_RECORDER_IMAGE_H

#include <stdint.h>

#include "src/recorder/recorder.h"

struct tm_recorder_code image __asm__("tm_code");

int tm_ask_clock(int clock, void *ret, uint64_t function)
{
	union {
		uint64_t at;
		int (*function)(int, void *);
	} pun = { function };

	return pun.function(clock, ret);
}

#endif
