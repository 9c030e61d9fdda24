/*
 * The threads of a process as lines of a page. Only where each thread begins
 * is computed ahead; text is made for the lines on the screen.
 */
#ifndef TUI_THREAD_PAGE_H
#define TUI_THREAD_PAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "tmattach/threads.h"

struct thread_page {
	const struct tm_threads *threads;
	struct tm_threads *owned; /* NULL: borrowed */
	size_t *starts;           /* first line of each thread; n + 1 of them */
};

/* Takes the sample over. */
struct thread_page *thread_page_create(struct tm_threads *threads);
struct thread_page *thread_page_borrow(const struct tm_threads *threads);
void thread_page_destroy(struct thread_page *page); /* NULL is fine */

size_t thread_page_nlines(const struct thread_page *page);

enum thread_line_kind {
	THREAD_LINE_HEAD,          /* its id, name, state */
	THREAD_LINE_PYTHON,        /* the title of its Python stack */
	THREAD_LINE_NATIVE,        /* the title of its native stack */
	THREAD_LINE_PYTHON_FRAME,  /* newest first */
	THREAD_LINE_NATIVE_FRAME,
	THREAD_LINE_PYTHON_CUT,    /* older frames are missing */
	THREAD_LINE_NATIVE_CUT,
	THREAD_LINE_NO_STACK,
	THREAD_LINE_BLANK,
};

struct thread_line {
	enum thread_line_kind kind;
	const struct tm_thread_info *thread;
	const struct tm_frame_view *frame; /* of the two frame lines */
	size_t number;                     /* of the frame, 0 = newest */
};

struct thread_line thread_page_line(const struct thread_page *page, size_t line);

#endif
