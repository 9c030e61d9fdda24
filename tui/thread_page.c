#include "thread_page.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/search.h"

/* A title, the frames, what is missing; nothing at all without frames. */
static size_t stack_nlines(size_t nframe, bool complete)
{
	return nframe ? 1 + nframe + !complete : 0;
}

static size_t thread_nlines(const struct tm_thread_info *thread)
{
	size_t native = stack_nlines(thread->nnative, thread->native_complete);

	if (!native && thread->kind == TM_KIND_THREAD)
		native = 1; /* says so */
	return 1 + stack_nlines(thread->npython, thread->python_complete) +
	       native + 1;
}

struct thread_page *thread_page_borrow(const struct tm_threads *threads)
{
	struct thread_page *page = tm_calloc(1, sizeof(*page));

	page->threads = threads;
	page->starts = tm_calloc(threads->n + 1, sizeof(*page->starts));
	for (size_t i = 0; i < threads->n; i++)
		page->starts[i + 1] = page->starts[i] +
				      thread_nlines(&threads->threads[i]);
	return page;
}

struct thread_page *thread_page_create(struct tm_threads *threads)
{
	struct thread_page *page = thread_page_borrow(threads);

	page->owned = threads;
	return page;
}

void thread_page_destroy(struct thread_page *page)
{
	if (!page)
		return;
	tm_threads_destroy(page->owned);
	free(page->starts);
	free(page);
}

size_t thread_page_nlines(const struct thread_page *page)
{
	return page->starts[page->threads->n];
}

/* Line `at` of a stack, 0 being its title; its frames run oldest first. */
static void stack_line(struct thread_line *ret, const struct tm_frame_view *frames,
		       size_t nframe, size_t at)
{
	bool python = frames == ret->thread->python;

	if (at == 0) {
		ret->kind = python ? THREAD_LINE_PYTHON : THREAD_LINE_NATIVE;
	} else if (at <= nframe) {
		ret->kind = python ? THREAD_LINE_PYTHON_FRAME :
				     THREAD_LINE_NATIVE_FRAME;
		ret->number = at - 1;
		ret->frame = &frames[nframe - at];
	} else {
		ret->kind = python ? THREAD_LINE_PYTHON_CUT :
				     THREAD_LINE_NATIVE_CUT;
	}
}

struct thread_line thread_page_line(const struct thread_page *page, size_t line)
{
	size_t i = TM_LOWER_BOUND(page->threads->n, k,
				  page->starts[k + 1] <= line);
	size_t at = line - page->starts[i];
	const struct tm_thread_info *thread = &page->threads->threads[i];
	struct thread_line ret = { .kind = THREAD_LINE_BLANK, .thread = thread };
	size_t python = stack_nlines(thread->npython, thread->python_complete);
	size_t native = stack_nlines(thread->nnative, thread->native_complete);

	if (at == 0)
		ret.kind = THREAD_LINE_HEAD;
	else if (at <= python)
		stack_line(&ret, thread->python, thread->npython, at - 1);
	else if (at <= python + native)
		stack_line(&ret, thread->native, thread->nnative, at - 1 - python);
	else if (!native && at == python + 1 && thread->kind == TM_KIND_THREAD)
		ret.kind = THREAD_LINE_NO_STACK;
	return ret;
}
