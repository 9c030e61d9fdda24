/* `threads`. */
#include <inttypes.h>

#include "base/guard.h"
#include "report/json.h"
#include "report/line.h"

/* ---- text ------------------------------------------------------------------- */

static void add_text(struct tm_buf *line, struct tm_text text)
{
	tm_buf_add(line, text.bytes, text.len);
}

static void print_python(FILE *out, const struct tm_frame_view *frame)
{
	TM_GUARD(tm_buf_free) struct tm_buf line = { 0 };

	tm_buf_adds(&line, "File \"");
	add_text(&line, frame->filename);
	tm_buf_addf(&line, "\", line %u, in ", frame->lineno);
	add_text(&line, frame->function);
	line_print_buf(out, "    ", &line);
}

static void add_module(struct tm_buf *line, const struct tm_frame_view *frame)
{
	tm_buf_adds(line, frame->module.bytes ? " in " : " at ");
	if (frame->module.bytes)
		add_text(line, frame->module);
	tm_buf_addf(line, "%s0x%" PRIx64, frame->module.bytes ? "+" : "",
		    frame->address);
}

static void print_native(FILE *out, size_t number,
			 const struct tm_frame_view *frame)
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
	line_print_buf(out, "    ", &line);
}

static void print_head(FILE *out, const struct tm_thread_info *info)
{
	TM_GUARD(tm_buf_free) struct tm_buf line = { 0 };

	if (info->tid == 0)
		tm_buf_adds(&line, "Unknown thread");
	else
		tm_buf_addf(&line, "Thread %d", (int)info->tid);
	if (info->name[0])
		tm_buf_addf(&line, " (%s)", info->name);
	if (info->state != '?')
		tm_buf_addf(&line, ": %c", info->state);
	if (info->syscall[0])
		tm_buf_addf(&line, ", in %s", info->syscall);
	line_print_buf(out, "", &line);
}

/* Task Task-7 (_asyncio.Task): waiting for _asyncio.Future */
static void print_waiter_head(FILE *out, const struct tm_thread_info *info)
{
	TM_GUARD(tm_buf_free) struct tm_buf line = { 0 };

	tm_buf_adds(&line, info->kind == TM_KIND_TASK ? "Task " : "Greenlet ");
	if (info->name[0])
		tm_buf_adds(&line, info->name);
	else
		tm_buf_addf(&line, "0x%" PRIx64, info->address);
	tm_buf_addf(&line, " (%s): %s", info->type, info->doing);
	if (info->waits_for[0])
		tm_buf_addf(&line, " for %s", info->waits_for);
	line_print_buf(out, "", &line);
}

static void print_thread(FILE *out, const struct tm_thread_info *info)
{
	if (info->kind == TM_KIND_THREAD)
		print_head(out, info);
	else
		print_waiter_head(out, info);
	if (info->npython)
		fputs("  Python (most recent call first):\n", out);
	for (size_t i = info->npython; i-- > 0; )
		print_python(out, &info->python[i]);
	if (info->npython && !info->python_complete)
		fputs("    (older frames cannot be read)\n", out);
	if (info->nnative)
		fputs("  Native (most recent call first):\n", out);
	for (size_t i = info->nnative; i-- > 0; )
		print_native(out, info->nnative - 1 - i, &info->native[i]);
	if (info->tid == 0 || info->kind != TM_KIND_THREAD)
		return;
	if (!info->nnative)
		fputs("  (it does not stop; no stack)\n", out);
	else if (!info->native_complete)
		fputs("    (no way to unwind further)\n", out);
}

static void print_threads(FILE *out, const struct tm_threads *threads)
{
	for (size_t i = 0; i < threads->n; i++) {
		if (i)
			fputc('\n', out);
		print_thread(out, &threads->threads[i]);
	}
}

/* ---- JSON ------------------------------------------------------------------- */

static json_t *python_json(const struct tm_thread_info *info)
{
	json_t *frames = json_array();

	for (size_t i = 0; i < info->npython; i++) {
		json_t *frame = json_frame(info->python[i]);

		json_object_set_new(frame, "function",
				    json_text(info->python[i].function));
		json_array_append_new(frames, frame);
	}
	return frames;
}

static json_t *native_json(const struct tm_thread_info *info)
{
	json_t *frames = json_array();

	for (size_t i = 0; i < info->nnative; i++)
		json_array_append_new(frames, json_frame(info->native[i]));
	return frames;
}

static json_t *thread_json(const struct tm_thread_info *info)
{
	char state[2] = { info->state };
	json_t *object = json_object();

	json_object_set_new(object, "kind", json_string("thread"));
	json_object_set_new(object, "tid", json_integer(info->tid));
	json_object_set_new(object, "name", json_cstring(info->name));
	json_object_set_new(object, "state", json_cstring(state));
	json_object_set_new(object, "syscall", json_cstring(info->syscall));
	json_object_set_new(object, "python", python_json(info));
	json_object_set_new(object, "python_complete",
			    json_boolean(info->python_complete));
	json_object_set_new(object, "native", native_json(info));
	json_object_set_new(object, "native_complete",
			    json_boolean(info->native_complete));
	return object;
}

static json_t *waiter_json(const struct tm_thread_info *info)
{
	json_t *object = json_object();
	char address[24];

	snprintf(address, sizeof(address), "0x%" PRIx64, info->address);
	json_object_set_new(object, "kind", json_string(
		info->kind == TM_KIND_TASK ? "task" : "greenlet"));
	json_object_set_new(object, "tid", json_null());
	json_object_set_new(object, "name", json_cstring(info->name));
	json_object_set_new(object, "type", json_cstring(info->type));
	json_object_set_new(object, "address", json_string(address));
	json_object_set_new(object, "state", json_cstring(info->doing));
	json_object_set_new(object, "waits_for", json_cstring(info->waits_for));
	json_object_set_new(object, "python", python_json(info));
	json_object_set_new(object, "python_complete",
			    json_boolean(info->python_complete));
	return object;
}

static bool write_json(FILE *out, const struct tm_threads *threads,
		       struct tm_err *err)
{
	double pause_ms = (double)threads->meta.pause_ns / 1e6;
	json_t *report = json_report("tmattach-threads"), *list = json_array();

	json_object_set_new(report, "source", json_source(&threads->meta, NULL));
	json_object_set_new(report, "pause_ms", json_real(pause_ms));
	for (size_t i = 0; i < threads->n; i++)
		json_array_append_new(list, threads->threads[i].kind == TM_KIND_THREAD ?
				      thread_json(&threads->threads[i]) :
				      waiter_json(&threads->threads[i]));
	json_object_set_new(report, "threads", list);
	return json_report_write(report, pause_ms, out, err);
}

bool report_threads(const struct report *how, const struct tm_threads *threads,
		    struct tm_err *err)
{
	if (how->form == REPORT_JSON)
		return write_json(how->out, threads, err);
	print_threads(how->out, threads);
	return true;
}
