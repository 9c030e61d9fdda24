#include "view.h"

#include <inttypes.h>
#include <stdio.h>

#include "text.h"

/* The page is a section for each process in scope: a line that says how many
 * threads it has (or why it has none), a remark if there is one, the threads. */
#define SECTION_HEAD 1

static bool has_section(const struct state *state, size_t i)
{
	return state_in_scope(state, i) && !state->sources[i].is_file;
}

static bool has_remark(const struct source *source)
{
	return source->threads ? source->threads->threads->note[0] :
				 source->threads_failure.hint[0];
}

static size_t section_nlines(const struct source *source)
{
	return SECTION_HEAD + has_remark(source) +
	       (source->threads ? thread_page_nlines(source->threads) : 0);
}

size_t view_threads_length(const struct state *state)
{
	size_t n = 0;

	for (size_t i = 0; i < state->nsources; i++)
		if (has_section(state, i))
			n += section_nlines(&state->sources[i]);
	return n;
}

static void draw_head(const struct source *source, int row, struct screen *screen)
{
	const struct tm_threads *threads;

	if (source->threads) {
		threads = source->threads->threads;
		screen_printf(screen, row, 0, ROLE_VALUE,
			      "pid %d: %zu thread%s, stopped for %.1f ms",
			      (int)source->pid, threads->n,
			      threads->n == 1 ? "" : "s",
			      (double)threads->meta.pause_ns / 1e6);
	} else if (source->threads_failure.kind != TM_ERR_NONE) {
		screen_printf(screen, row, 0, ROLE_ERROR, "%.300s: %.500s",
			      source->threads_failure.object,
			      source->threads_failure.cause);
	} else {
		screen_printf(screen, row, 0, ROLE_DIM,
			      "pid %d: looking at its threads ...",
			      (int)source->pid);
	}
}

static void draw_thread(const struct tm_thread_info *thread, int row,
			struct screen *screen)
{
	int col = screen_printf(screen, row, 0, ROLE_TITLE, "Thread %d",
				(int)thread->tid);

	if (thread->name[0])
		col += screen_printf(screen, row, col, ROLE_VALUE, " %s",
				     thread->name);
	col += screen_printf(screen, row, col, ROLE_LABEL, "  %c", thread->state);
	if (thread->syscall[0])
		screen_printf(screen, row, col, ROLE_LABEL, " in %s",
			      thread->syscall);
}

static int draw_text(int row, int col, enum role role, struct tm_text text,
		     struct screen *screen)
{
	return col + screen_text(screen, row, col, screen->cols - col, role, text);
}

/* File "app.py", line 12, in handler */
static void draw_python(const struct tm_frame_view *frame, int row,
			struct screen *screen)
{
	int col = 4;

	col += screen_printf(screen, row, col, ROLE_NORMAL, "File \"");
	col = draw_text(row, col, ROLE_NORMAL, frame->filename, screen);
	col += screen_printf(screen, row, col, ROLE_NORMAL, "\", line %" PRIu32
			     ", in ", frame->lineno);
	draw_text(row, col, ROLE_FUNCTION, frame->function, screen);
}

/* #3 function (inlined) at file.c:12, or in library.so+0x1234 */
static void draw_native(const struct thread_line *line, int row,
			struct screen *screen)
{
	const struct tm_frame_view *frame = line->frame;
	int col = 4;

	col += screen_printf(screen, row, col, ROLE_DIM, "#%-2zu ", line->number);
	col = draw_text(row, col, ROLE_FUNCTION, frame->function.bytes ?
			frame->function : text_of("??"), screen);
	if (frame->inlined)
		col += screen_printf(screen, row, col, ROLE_DIM, " (inlined)");
	if (frame->filename.len) {
		col += screen_printf(screen, row, col, ROLE_DIM, " at ");
		col = draw_text(row, col, ROLE_NORMAL, frame->filename, screen);
		screen_printf(screen, row, col, ROLE_NORMAL, ":%" PRIu32,
			      frame->lineno);
		return;
	}
	col += screen_printf(screen, row, col, ROLE_DIM,
			     frame->module.bytes ? " in " : " at ");
	if (frame->module.bytes)
		col = draw_text(row, col, ROLE_DIM, frame->module, screen);
	screen_printf(screen, row, col, ROLE_DIM, "%s0x%" PRIx64,
		      frame->module.bytes ? "+" : "", frame->address);
}

static void draw_line(const struct thread_line *line, int row,
		      struct screen *screen)
{
	static const char *const texts[] = {
		[THREAD_LINE_PYTHON] = "Python (most recent call first):",
		[THREAD_LINE_NATIVE] = "Native (most recent call first):",
		[THREAD_LINE_PYTHON_CUT] = "  (older frames cannot be read)",
		[THREAD_LINE_NATIVE_CUT] = "  (no way to unwind further)",
		[THREAD_LINE_NO_STACK] = "(it does not stop: no stack)",
	};

	switch (line->kind) {
	case THREAD_LINE_HEAD:
		draw_thread(line->thread, row, screen);
		break;
	case THREAD_LINE_PYTHON_FRAME:
		draw_python(line->frame, row, screen);
		break;
	case THREAD_LINE_NATIVE_FRAME:
		draw_native(line, row, screen);
		break;
	case THREAD_LINE_BLANK:
		break;
	case THREAD_LINE_PYTHON:
	case THREAD_LINE_NATIVE:
	case THREAD_LINE_PYTHON_CUT:
	case THREAD_LINE_NATIVE_CUT:
	case THREAD_LINE_NO_STACK:
		screen_puts(screen, row, 2, screen->cols - 2, ROLE_LABEL,
			    texts[line->kind]);
	}
}

static void draw_section_line(const struct source *source, size_t at, int row,
			      struct screen *screen)
{
	struct thread_line line;

	if (at == 0) {
		draw_head(source, row, screen);
	} else if (at == SECTION_HEAD && has_remark(source)) {
		screen_puts(screen, row, 0, screen->cols, ROLE_WARNING,
			    source->threads ? source->threads->threads->note :
			    source->threads_failure.hint);
	} else {
		line = thread_page_line(source->threads, at - SECTION_HEAD -
					has_remark(source));
		draw_line(&line, row, screen);
	}
}

void view_threads(const struct state *state, const struct layout *layout,
		  struct screen *screen)
{
	size_t top = state->scroll[MODE_THREADS].top, first = 0;

	screen_blank(screen, 0, 0, screen->cols, ROLE_TITLE);
	screen_puts(screen, 0, 0, screen->cols, ROLE_TITLE,
		    "Threads and their stacks");
	view_position(state, MODE_THREADS, screen);
	for (size_t i = 0; i < state->nsources; i++) {
		size_t n, line;

		if (!has_section(state, i))
			continue;
		n = section_nlines(&state->sources[i]);
		for (int row = 0; row < layout->pager_rows; row++) {
			line = top + (size_t)row;
			if (line >= first && line - first < n)
				draw_section_line(&state->sources[i],
						  line - first, row + 1, screen);
		}
		first += n;
	}
}
