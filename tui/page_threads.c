#include "state.h"

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

/* NULL: there is no answer yet. */
static const struct answer *answer_of(const struct source *source)
{
	return source->answers[REQUEST_THREADS];
}

static const char *remark_of(const struct answer *answer)
{
	return !answer ? "" : answer->threads ? answer->threads->threads->note :
						answer->err.hint;
}

static size_t section_nlines(const struct source *source)
{
	const struct answer *answer = answer_of(source);

	return SECTION_HEAD + (remark_of(answer)[0] != '\0') +
	       (answer && answer->threads ?
		thread_page_nlines(answer->threads) : 0);
}

static size_t length(const struct state *state)
{
	size_t n = 0;

	for (size_t i = 0; i < state->nsources; i++)
		if (has_section(state, i))
			n += section_nlines(&state->sources[i]);
	return n;
}

static void draw_head(const struct source *source, int row, struct screen *screen)
{
	const struct answer *answer = answer_of(source);
	const struct tm_threads *threads;
	char waiting[48] = "";

	if (!answer) {
		screen_printf(screen, row, 0, ROLE_DIM,
			      "pid %d: reading its threads ...",
			      (int)source->pid);
	} else if (!answer->threads) {
		screen_printf(screen, row, 0, ROLE_ERROR, "%.300s: %.500s",
			      answer->err.object, answer->err.cause);
	} else {
		threads = answer->threads->threads;
		if (threads->n > threads->nthreads)
			snprintf(waiting, sizeof(waiting), ", %zu tasks and greenlets",
				 threads->n - threads->nthreads);
		screen_printf(screen, row, 0, ROLE_VALUE,
			      "pid %d: %zu thread%s%s, stopped for %.1f ms",
			      (int)source->pid, threads->nthreads,
			      threads->nthreads == 1 ? "" : "s", waiting,
			      (double)threads->meta.pause_ns / 1e6);
	}
}

static void draw_thread(const struct tm_thread_info *thread, int row,
			struct screen *screen)
{
	int col;

	if (thread->tid == 0) {
		screen_printf(screen, row, 0, ROLE_TITLE, "Unknown thread");
		return;
	}
	col = screen_printf(screen, row, 0, ROLE_TITLE, "Thread %d",
			    (int)thread->tid);
	if (thread->name[0])
		col += screen_printf(screen, row, col, ROLE_VALUE, " %s",
				     thread->name);
	col += screen_printf(screen, row, col, ROLE_LABEL, "  %c", thread->state);
	if (thread->syscall[0])
		screen_printf(screen, row, col, ROLE_LABEL, " in %s",
			      thread->syscall);
}

/* Task Task-7 _asyncio.Task  waiting for _asyncio.Future */
static void draw_waiter(const struct tm_thread_info *waiter, int row,
			struct screen *screen)
{
	int col = screen_printf(screen, row, 0, ROLE_TITLE, "%s",
				waiter->kind == TM_KIND_TASK ? "Task " : "Greenlet ");

	if (waiter->name[0])
		col += screen_printf(screen, row, col, ROLE_TITLE, "%s",
				     waiter->name);
	else
		col += screen_printf(screen, row, col, ROLE_TITLE, "0x%" PRIx64,
				     waiter->address);
	col += screen_printf(screen, row, col, ROLE_VALUE, " %s", waiter->type);
	screen_printf(screen, row, col, ROLE_LABEL, "  %s%s%s", waiter->doing,
		      waiter->waits_for[0] ? " for " : "", waiter->waits_for);
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
		[THREAD_LINE_NO_STACK] = "(it does not stop; no stack)",
		[THREAD_LINE_BLANK] = "",
	};

	if (line->kind == THREAD_LINE_HEAD && line->thread->kind != TM_KIND_THREAD)
		draw_waiter(line->thread, row, screen);
	else if (line->kind == THREAD_LINE_HEAD)
		draw_thread(line->thread, row, screen);
	else if (line->kind == THREAD_LINE_PYTHON_FRAME)
		draw_python(line->frame, row, screen);
	else if (line->kind == THREAD_LINE_NATIVE_FRAME)
		draw_native(line, row, screen);
	else
		screen_puts(screen, row, 2, screen->cols - 2, ROLE_LABEL,
			    texts[line->kind]);
}

static void draw_section_line(const struct source *source, size_t at, int row,
			      struct screen *screen)
{
	const struct answer *answer = answer_of(source);
	const char *remark = remark_of(answer);
	struct thread_line line;

	if (at == 0) {
		draw_head(source, row, screen);
	} else if (at == SECTION_HEAD && remark[0]) {
		screen_puts(screen, row, 0, screen->cols, ROLE_WARNING, remark);
	} else {
		line = thread_page_line(answer->threads, at - SECTION_HEAD -
					(remark[0] != '\0'));
		draw_line(&line, row, screen);
	}
}

static void draw(const struct state *state, size_t line, int row,
		 struct lines *lines, struct screen *screen)
{
	(void)lines;
	for (size_t i = 0; i < state->nsources; i++) {
		size_t n = has_section(state, i) ?
			   section_nlines(&state->sources[i]) : 0;

		if (line < n) {
			draw_section_line(&state->sources[i], line, row, screen);
			return;
		}
		line -= n;
	}
}

const struct page page_threads = {
	.shape = PAGE_TEXT, .stays = true,
	.keys = KEYS_LIST | KEYS_TEXT,
	.title = "Threads and their stacks",
	.length = length, .draw = draw,
};
