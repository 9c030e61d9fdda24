/*
 * Remote memory for the unwinder, which asks for single words: one window on
 * the stack, read at once, and a small page cache for unwind tables and the
 * rest. Private to src/native.
 */
#ifndef TM_NATIVE_WINDOW_H
#define TM_NATIVE_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "mem/mem.h"

enum { NATIVE_STACK_WINDOW = 64 << 10, NATIVE_PAGES = 256 };

struct native_window {
	struct tm_mem *mem;    /* borrowed; set by native_window_stack() */
	tm_addr stack;
	size_t stack_len;
	tm_addr tags[NATIVE_PAGES]; /* page address | 1; 0: empty */
	unsigned char stack_bytes[NATIVE_STACK_WINDOW];
	unsigned char pages[NATIVE_PAGES][TM_PAGE];
};

/* Forget all pages. */
void native_window_clear(struct native_window *window);
/* Read the stack from a little below `sp` upwards. */
void native_window_stack(struct native_window *window, struct tm_mem *mem,
			 tm_addr sp);
bool native_window_read(struct native_window *window, tm_addr at, void *buf,
			size_t len);

#endif
