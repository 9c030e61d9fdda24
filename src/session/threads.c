#include "tmattach/threads.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/guard.h"
#include "native/symbols.h"
#include "native/unwind.h"
#include "py/pystack.h"
#include "session/action.h"
#include "session/thread_state.h"
#include "target/arch.h"
#include "target/stop.h"
#include "target/syscall_name.h"

struct tm_thread_reader {
	struct tm_process process;
	struct tm_mem *mem;
	struct native_modules modules;
	struct tm_symbolizer *symbolizer;
	struct tm_unwinder *unwinder;
	struct py_runtime runtime;
	struct py_stack_reader *python; /* NULL: no Python, or not readable */
	char note[256];
};

/* One thread's stacks as they were when it stood still. */
struct raw_thread {
	pid_t tid;
	bool stopped;
	long syscall;
	struct tm_stack native;
	size_t first_python, npython; /* in the sample's frames */
	bool python_complete;
};

struct sample {
	struct tm_threads threads; /* first: what is handed out */
	struct tm_arena arena;
	struct thread_states states;
	struct raw_thread *raw;
	size_t nraw, cap_raw;
	struct tm_frame_view *python; /* of all threads, oldest first each */
	size_t npython, cap_python;
	struct py_stack stack;
};

static bool update_modules(struct tm_thread_reader *reader, bool *ret_changed,
			   struct tm_err *err)
{
	TM_GUARD(tm_maps_free) struct tm_maps maps = { 0 };

	if (!tm_maps_read(reader->process.pid, &maps, err))
		return false;
	*ret_changed = native_modules_update(&reader->modules, &maps);
	return true;
}

/* A process without Python, or with one of which we know no more than that,
 * still has native stacks. */
static bool find_python(struct tm_thread_reader *reader, struct tm_err *err)
{
	TM_GUARD(tm_maps_free) struct tm_maps maps = { 0 };
	struct tm_err why;
	bool found;

	if (!tm_maps_read(reader->process.pid, &maps, err))
		return false;
	native_modules_update(&reader->modules, &maps);
	found = py_runtime_find(reader->mem, &maps, reader->process.pid,
				&reader->runtime, &why);
	/* Frames need less than tracemalloc's tables do. */
	if (found || (reader->runtime.layout && reader->runtime.str.type)) {
		reader->python = py_stack_reader_create(reader->mem,
							&reader->runtime, &why);
		found = reader->python != NULL;
	}
	if (!found && reader->runtime.layout)
		snprintf(reader->note, sizeof(reader->note),
			 "no Python stacks: %.220s", why.cause);
	return true;
}

struct tm_thread_reader *tm_thread_reader_open(pid_t pid, struct tm_err *err)
{
	struct tm_thread_reader *reader = tm_calloc(1, sizeof(*reader));
	bool ok = tm_process_open(pid, &reader->process, err);

	if (ok)
		reader->mem = tm_mem_proc(pid, err);
	native_modules_init(&reader->modules, pid, reader->mem);
	if (ok && (!reader->mem || !find_python(reader, err)))
		ok = tm_process_explain(&reader->process, err->sys_errno,
					"cannot read the process", err);
	if (ok) {
		reader->symbolizer = tm_symbolizer_create(&reader->modules);
		reader->unwinder = tm_unwinder_create(&reader->modules, err);
		ok = reader->unwinder != NULL;
	}
	if (ok)
		return reader;
	tm_thread_reader_close(reader);
	return NULL;
}

void tm_thread_reader_close(struct tm_thread_reader *reader)
{
	if (!reader)
		return;
	py_stack_reader_destroy(reader->python);
	tm_unwinder_destroy(reader->unwinder);
	tm_symbolizer_destroy(reader->symbolizer);
	native_modules_deinit(&reader->modules);
	tm_mem_destroy(reader->mem);
	free(reader);
}

static void sample_guard(struct sample **sample)
{
	if (!*sample)
		return;
	for (size_t i = 0; i < (*sample)->nraw; i++)
		tm_stack_free(&(*sample)->raw[i].native);
	free((*sample)->raw);
	free((*sample)->python);
	py_stack_free(&(*sample)->stack);
	thread_states_free(&(*sample)->states);
	tm_arena_free(&(*sample)->arena);
	free(*sample);
}

void tm_threads_destroy(struct tm_threads *threads)
{
	struct sample *sample = (struct sample *)threads;

	sample_guard(&sample);
}

static struct tm_text copy_text(struct sample *sample, const char *s)
{
	size_t len = s ? strlen(s) : 0;

	return (struct tm_text){
		.bytes = s ? tm_arena_bytes(&sample->arena, s, len + 1) : NULL,
		.len = len,
	};
}

/* ---- while the target stands still -------------------------------------- */

static void take_python(struct tm_thread_reader *reader, struct sample *sample,
			struct raw_thread *raw,
			const struct user_regs_struct *regs)
{
	struct tm_err err;
	size_t n;

	raw->first_python = sample->npython;
	raw->python_complete = py_stack_read(reader->python, tm_regs_tls(regs),
					     &sample->stack, &err);
	raw->npython = n = sample->stack.n;
	sample->python = tm_grow(sample->python, &sample->cap_python,
				 sample->npython + n, sizeof(*sample->python));
	while (n-- > 0) {
		const struct py_stack_frame *frame = &sample->stack.frames[n];

		sample->python[sample->npython++] = (struct tm_frame_view){
			.filename = copy_text(sample, frame->filename),
			.function = copy_text(sample, frame->function),
			.lineno = frame->lineno,
		};
	}
}

static void take_thread(struct tm_thread_reader *reader, struct sample *sample,
			const struct tm_thread *thread, bool python)
{
	struct raw_thread raw = { .tid = thread->tid, .syscall = -1 };
	struct user_regs_struct regs;
	unsigned char code[16];
	size_t len;

	raw.stopped = (thread->state == TM_THREAD_STOPPED ||
		       thread->state == TM_THREAD_GROUP_STOP) &&
		      tm_regs_get(thread->tid, &regs);
	if (raw.stopped) {
		tm_unwind(reader->unwinder, reader->mem, &regs, 0, &raw.native);
		len = tm_mem_read_some(reader->mem, tm_regs_pc(&regs), code,
				       tm_syscall_insn_len);
		raw.syscall = tm_regs_syscall_nr(&regs, code, len);
		if (python)
			take_python(reader, sample, &raw, &regs);
	}
	sample->raw = tm_grow(sample->raw, &sample->cap_raw, sample->nraw + 1,
			      sizeof(*sample->raw));
	sample->raw[sample->nraw++] = raw;
}

static bool take_all(struct tm_thread_reader *reader, struct sample *sample,
		     struct tm_err *err)
{
	TM_GUARD(tm_stop_guard) struct tm_stop stop = { 0 };
	bool changed, python;
	struct tm_err why;

	thread_states_read(&sample->states, reader->process.pid);
	if (!tm_stop_all(&reader->process, TM_STOP_DEADLINE_MS, &stop, err))
		return false;
	if (!update_modules(reader, &changed, err))
		return tm_process_explain(&reader->process, err->sys_errno,
					  "cannot read its mappings", err);
	tm_unwinder_begin(reader->unwinder, changed);
	python = reader->python && py_stack_begin(reader->python, &why);
	if (reader->python && !python)
		snprintf(sample->threads.note, sizeof(sample->threads.note),
			 "no Python stacks: %.220s", why.cause);
	for (size_t i = 0; i < stop.n; i++)
		if (stop.threads[i].state != TM_THREAD_GONE)
			take_thread(reader, sample, &stop.threads[i], python);
	sample->threads.meta.pause_ns = tm_stop_release(&stop);
	return true;
}

struct take {
	struct tm_thread_reader *reader;
	struct sample *sample;
	struct tm_err *err;
	bool ok;
};

static void run_take(void *ctx)
{
	struct take *take = ctx;

	take->ok = take_all(take->reader, take->sample, take->err);
}

/* ---- afterwards ------------------------------------------------------------ */

static size_t add_place(struct sample *sample, struct tm_frame_view *views,
			const struct tm_code_place *place)
{
	const char *module = place->module ? place->module->path : NULL;

	for (size_t i = 0; i < place->n; i++) {
		const struct tm_code_frame *frame = &place->frames[i];

		views[i] = (struct tm_frame_view){
			.filename = copy_text(sample, frame->filename
						      ? frame->filename : ""),
			.lineno = frame->lineno,
			.native = true,
			.inlined = frame->inlined,
			.function = copy_text(sample, frame->function),
			.module = copy_text(sample, module),
			.address = place->offset,
		};
	}
	return place->n;
}

static void name_native(struct tm_thread_reader *reader, struct sample *sample,
			const struct tm_stack *stack, struct tm_thread_info *info)
{
	struct tm_code_place *places = tm_reallocarray(NULL, stack->n + 1,
						       sizeof(*places));
	struct tm_frame_view *views;
	size_t total = 0, at = 0;

	for (size_t i = 0; i < stack->n; i++) {
		places[i] = tm_symbolize(reader->symbolizer, stack->frames[i].pc,
					 stack->frames[i].is_return);
		total += places[i].n;
	}
	views = tm_arena_alloc(&sample->arena, (total + 1) * sizeof(*views));
	for (size_t i = stack->n; i-- > 0; )
		at += add_place(sample, views + at, &places[i]);
	free(places);
	info->native = views;
	info->nnative = total;
	info->native_complete = stack->complete;
}

static void fill_info(struct tm_thread_reader *reader, struct sample *sample,
		      const struct raw_thread *raw, struct tm_thread_info *ret)
{
	const struct thread_state *state = thread_states_find(&sample->states,
							      raw->tid);
	const char *name = tm_syscall_name(raw->syscall);

	*ret = (struct tm_thread_info){ .tid = raw->tid, .state = '?' };
	if (state) {
		ret->state = state->state;
		snprintf(ret->name, sizeof(ret->name), "%s", state->name);
	}
	if (name)
		snprintf(ret->syscall, sizeof(ret->syscall), "%s", name);
	else if (raw->syscall >= 0)
		snprintf(ret->syscall, sizeof(ret->syscall), "system call %ld",
			 raw->syscall);
	name_native(reader, sample, &raw->native, ret);
	ret->python = sample->python + raw->first_python;
	ret->npython = raw->npython;
	ret->python_complete = raw->python_complete;
}

static int compare_raw(const void *left, const void *right)
{
	const struct raw_thread *a = left, *b = right;

	return (a->tid > b->tid) - (a->tid < b->tid);
}

static void name_all(struct tm_thread_reader *reader, struct sample *sample)
{
	struct tm_thread_info *infos = tm_arena_alloc(
		&sample->arena, (sample->nraw + 1) * sizeof(*infos));

	qsort(sample->raw, sample->nraw, sizeof(*sample->raw), compare_raw);
	/* After a pid wrap other threads may have lower ids. */
	for (size_t i = 0; i < sample->nraw; i++)
		if (sample->raw[i].tid == reader->process.pid) {
			struct raw_thread main = sample->raw[i];

			memmove(sample->raw + 1, sample->raw,
				i * sizeof(*sample->raw));
			sample->raw[0] = main;
		}
	for (size_t i = 0; i < sample->nraw; i++)
		fill_info(reader, sample, &sample->raw[i], &infos[i]);
	sample->threads.threads = infos;
	sample->threads.n = sample->nraw;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct tm_threads *tm_threads_sample(struct tm_thread_reader *reader,
				     struct tm_err *err)
{
	TM_GUARD(sample_guard) struct sample *sample =
		tm_calloc(1, sizeof(*sample));
	struct tm_threads *threads = &sample->threads;
	struct take take = { reader, sample, err, false };

	threads->meta.pid = reader->process.pid;
	threads->meta.taken_at = now_ms();
	snprintf(threads->meta.command, sizeof(threads->meta.command), "%s",
		 reader->process.command);
	snprintf(threads->meta.runtime, sizeof(threads->meta.runtime), "%s",
		 reader->runtime.name);
	snprintf(threads->note, sizeof(threads->note), "%s", reader->note);
	if (!tm_act(run_take, &take, NULL, err) || !take.ok)
		return NULL;
	name_all(reader, sample);
	sample = NULL;
	return threads;
}
