#include "session/thread_sample.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "session/core.h"

struct tm_text thread_sample_text(struct thread_sample *sample, const char *s)
{
	size_t len = s ? strlen(s) : 0;

	return (struct tm_text){
		.bytes = s ? tm_arena_bytes(&sample->arena, s, len + 1) : NULL,
		.len = len,
	};
}

static struct raw_thread *add_raw(struct thread_sample *sample,
				  struct raw_thread raw)
{
	sample->raw = tm_grow(sample->raw, &sample->cap_raw, sample->nraw + 1,
			      sizeof(*sample->raw));
	sample->raw[sample->nraw] = raw;
	return &sample->raw[sample->nraw++];
}

static void take_registers(struct thread_sample *sample,
			   const struct tm_stop *stop)
{
	for (size_t i = 0; i < stop->n; i++) {
		const struct tm_thread *thread = &stop->threads[i];
		struct raw_thread *raw;

		if (thread->state == TM_THREAD_GONE)
			continue;
		raw = add_raw(sample, (struct raw_thread){ .tid = thread->tid,
							   .syscall = -1 });
		raw->stopped = (thread->state == TM_THREAD_STOPPED ||
				thread->state == TM_THREAD_GROUP_STOP) &&
			       tm_regs_get(thread->tid, &raw->regs);
	}
}

static void take_core_registers(struct thread_sample *sample,
				const struct tm_core_file *file)
{
	for (size_t i = 0; i < file->nthreads; i++)
		add_raw(sample, (struct raw_thread){
			.tid = file->threads[i].tid, .stopped = true,
			.regs = file->threads[i].regs, .syscall = -1,
		});
}

static void take_native(struct tm_unwinder *unwinder, struct tm_mem *mem,
			struct raw_thread *raw)
{
	unsigned char code[16];
	size_t len;

	if (!raw->stopped)
		return;
	tm_unwind(unwinder, mem, &raw->regs, 0, &raw->native);
	len = tm_mem_read_some(mem, tm_regs_pc(&raw->regs), code,
			       tm_syscall_insn_len);
	raw->syscall = tm_regs_syscall_nr(&raw->regs, code, len);
}

/* Which thread runs what, by where they are on their stacks. */
static bool begin_python(struct py_stack_reader *reader,
			 const struct thread_sample *sample, struct tm_err *err)
{
	const struct tm_maps *maps = &sample->session->maps;
	TM_GUARD(tm_free_ptr) struct py_thread *threads =
		tm_calloc(sample->nraw + 1, sizeof(*threads));

	for (size_t i = 0; i < sample->nraw; i++) {
		const struct raw_thread *raw = &sample->raw[i];
		tm_addr sp = tm_regs_sp(&raw->regs);
		const struct tm_region *stack = tm_maps_find(maps, sp);

		threads[i].self = UINT64_MAX;
		if (!raw->stopped)
			continue;
		threads[i].self = tm_regs_tls(&raw->regs);
		threads[i].regs = (const uint64_t *)&raw->regs;
		threads[i].nregs = sizeof(raw->regs) / sizeof(uint64_t);
		threads[i].stack = stack ? sp / 8 * 8 : 0;
		threads[i].stack_end = stack ? stack->end : 0;
	}
	return py_stack_begin(reader, threads, sample->nraw, err);
}

size_t thread_sample_frames(struct thread_sample *sample,
			    const struct py_stack *stack)
{
	size_t first = sample->npython, n = stack->n;

	sample->python = tm_grow(sample->python, &sample->cap_python,
				 sample->npython + n, sizeof(*sample->python));
	while (n-- > 0) {
		const struct py_stack_frame *frame = &stack->frames[n];

		sample->python[sample->npython++] = (struct tm_frame_view){
			.filename = thread_sample_text(sample, frame->filename),
			.function = thread_sample_text(sample, frame->function),
			.lineno = frame->lineno,
		};
	}
	return first;
}

static void keep_python(struct thread_sample *sample, struct raw_thread *raw)
{
	raw->npython = sample->stack.n;
	raw->first_python = thread_sample_frames(sample, &sample->stack);
}

void thread_sample_forget(struct thread_sample *sample)
{
	for (size_t i = 0; i < sample->nraw; i++)
		tm_stack_free(&sample->raw[i].native);
	sample->nraw = sample->npython = sample->nwaiters = 0;
}

static void take_frames(struct py_stack_reader *reader,
			struct thread_sample *sample)
{
	size_t nthreads = sample->nraw;
	struct tm_err err;
	bool any = true;

	for (size_t i = 0; i < nthreads; i++) {
		struct raw_thread *raw = &sample->raw[i];

		if (!raw->stopped)
			continue;
		raw->python_complete = py_stack_read(reader, i, &sample->stack,
						     &err);
		keep_python(sample, raw);
	}
	for (size_t i = 0; any; i++) {
		struct raw_thread raw = { .syscall = -1 };

		raw.python_complete = py_stack_read_stray(reader, i, &any,
							  &sample->stack, &err);
		if (any)
			keep_python(sample, add_raw(sample, raw));
	}
}

static void take_python(struct thread_sample *sample)
{
	struct tm_err why;

	if (!sample->reader)
		return;
	if (begin_python(sample->reader, sample, &why))
		take_frames(sample->reader, sample);
	else
		thread_sample_note(sample, &why);
}

void thread_sample_note(struct thread_sample *sample, const struct tm_err *why)
{
	snprintf(sample->threads.note, sizeof(sample->threads.note),
		 "no Python stacks: %.220s", why->cause);
}

bool thread_sample_take(void *ctx, const struct tm_instant *instant,
			struct tm_err *err)
{
	struct thread_sample *sample = ctx;
	struct tm_session *session = sample->session;
	struct tm_unwinder *unwinder = tm_subject_unwinder(session, err);

	if (!unwinder)
		return false;
	thread_sample_forget(sample);
	if (session->core)
		take_core_registers(sample, &session->core->file);
	else
		take_registers(sample, instant->stop);
	for (size_t i = 0; i < sample->nraw; i++)
		take_native(unwinder, instant->mem, &sample->raw[i]);
	take_python(sample);
	return true;
}
