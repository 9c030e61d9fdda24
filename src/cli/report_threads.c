#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/guard.h"
#include "cli/output.h"
#include "cli/report.h"

static void add_text(struct tm_buf *line, struct tm_text text)
{
	tm_buf_add(line, text.bytes, text.len);
}

static void print_python(const struct tm_frame_view *frame)
{
	TM_GUARD(tm_buf_free) struct tm_buf line = { 0 };

	tm_buf_adds(&line, "File \"");
	add_text(&line, frame->filename);
	tm_buf_addf(&line, "\", line %u, in ", frame->lineno);
	add_text(&line, frame->function);
	cli_print_line("    ", line.data, line.len);
}

static void add_module(struct tm_buf *line, const struct tm_frame_view *frame)
{
	tm_buf_adds(line, frame->module.bytes ? " in " : " at ");
	if (frame->module.bytes)
		add_text(line, frame->module);
	tm_buf_addf(line, "%s0x%" PRIx64, frame->module.bytes ? "+" : "",
		    frame->address);
}

static void print_native(size_t number, const struct tm_frame_view *frame)
{
	TM_GUARD(tm_buf_free) struct tm_buf line = { 0 };

	tm_buf_addf(&line, "#%-3zu ", number);
	if (frame->function.bytes)
		add_text(&line, frame->function);
	else
		tm_buf_adds(&line, "??");
	if (frame->filename.len) {
		tm_buf_adds(&line, " at ");
		add_text(&line, frame->filename);
		tm_buf_addf(&line, ":%u", frame->lineno);
	} else {
		add_module(&line, frame);
	}
	if (frame->inlined)
		tm_buf_adds(&line, " (inlined)");
	cli_print_line("    ", line.data, line.len);
}

static void print_head(const struct tm_thread_info *info)
{
	TM_GUARD(tm_buf_free) struct tm_buf line = { 0 };

	tm_buf_addf(&line, "Thread %d (%s): %c", (int)info->tid, info->name,
		    info->state);
	if (info->syscall[0])
		tm_buf_addf(&line, ", in %s", info->syscall);
	cli_print_line("", line.data, line.len);
}

static void print_thread(const struct tm_thread_info *info)
{
	print_head(info);
	if (info->npython)
		printf("  Python (most recent call first):\n");
	for (size_t i = info->npython; i-- > 0; )
		print_python(&info->python[i]);
	if (info->npython && !info->python_complete)
		printf("    (older frames cannot be read)\n");
	if (info->nnative)
		printf("  Native (most recent call first):\n");
	for (size_t i = info->nnative; i-- > 0; )
		print_native(info->nnative - 1 - i, &info->native[i]);
	if (!info->nnative)
		printf("  (it does not stop: no stack)\n");
	else if (!info->native_complete)
		printf("    (no way to unwind further)\n");
}

void cli_text_threads(const struct tm_threads *threads)
{
	for (size_t i = 0; i < threads->n; i++) {
		if (i)
			putchar('\n');
		print_thread(&threads->threads[i]);
	}
}
