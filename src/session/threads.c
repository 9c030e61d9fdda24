#include "tmattach/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/arch.h"
#include "base/alloc.h"
#include "base/arena.h"
#include "base/guard.h"
#include "session/meta.h"
#include "session/thread_sample.h"
#include "session/waiting.h"

static void sample_guard(struct thread_sample **sample)
{
	if (!*sample)
		return;
	thread_sample_forget(*sample);
	free((*sample)->raw);
	free((*sample)->waiters);
	free((*sample)->python);
	py_stack_free(&(*sample)->stack);
	thread_states_free(&(*sample)->states);
	tm_arena_free(&(*sample)->arena);
	free(*sample);
}

void tm_threads_destroy(struct tm_threads *threads)
{
	struct thread_sample *sample = (struct thread_sample *)threads;

	sample_guard(&sample);
}

/* ---- afterwards ------------------------------------------------------------ */

static size_t add_place(struct thread_sample *sample,
			struct tm_frame_view *views,
			const struct tm_code_place *place)
{
	const char *module = place->module ? place->module->path : NULL;

	for (size_t i = 0; i < place->n; i++) {
		const struct tm_code_frame *frame = &place->frames[i];

		views[i] = (struct tm_frame_view){
			.filename = thread_sample_text(
				sample, frame->filename ? frame->filename : ""),
			.lineno = frame->lineno,
			.native = true,
			.inlined = frame->inlined,
			.function = thread_sample_text(sample, frame->function),
			.module = thread_sample_text(sample, module),
			.address = place->offset,
		};
	}
	return place->n;
}

static void name_native(struct thread_sample *sample,
			const struct tm_stack *stack, struct tm_thread_info *info)
{
	struct tm_code_place *places = tm_reallocarray(NULL, stack->n + 1,
						       sizeof(*places));
	struct tm_symbolizer *symbolizer = sample->session->symbolizer;
	struct tm_frame_view *views;
	size_t total = 0, at = 0;

	for (size_t i = 0; i < stack->n; i++) {
		places[i] = tm_symbolize(symbolizer, stack->frames[i].pc,
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

static void fill_info(struct thread_sample *sample,
		      const struct raw_thread *raw, struct tm_thread_info *ret)
{
	const struct thread_state *state = thread_states_find(&sample->states,
							      raw->tid);
	const struct tm_session *session = sample->session;
	const char *name = tm_syscall_name(raw->syscall);

	*ret = (struct tm_thread_info){ .tid = raw->tid, .state = '?' };
	if (state) {
		ret->state = state->state;
		snprintf(ret->name, sizeof(ret->name), "%s", state->name);
	} else if (session->core && raw->tid == session->process.leader) {
		snprintf(ret->name, sizeof(ret->name), "%s", session->process.name);
	}
	if (name)
		snprintf(ret->syscall, sizeof(ret->syscall), "%s", name);
	else if (raw->syscall >= 0)
		snprintf(ret->syscall, sizeof(ret->syscall), "system call %ld",
			 raw->syscall);
	name_native(sample, &raw->native, ret);
	ret->python = sample->python + raw->first_python;
	ret->npython = raw->npython;
	ret->python_complete = raw->python_complete;
}

static int compare_raw(const void *left, const void *right)
{
	const struct raw_thread *a = left, *b = right;

	return (a->tid > b->tid) - (a->tid < b->tid);
}

static void name_all(struct thread_sample *sample)
{
	const pid_t leader = sample->session->process.leader;
	struct tm_thread_info *infos = tm_arena_alloc(
		&sample->arena,
		(sample->nraw + sample->nwaiters + 1) * sizeof(*infos));
	size_t known = 0;

	/* Stacks whose thread is not known come last. */
	while (known < sample->nraw && sample->raw[known].tid)
		known++;
	qsort(sample->raw, known, sizeof(*sample->raw), compare_raw);
	/* After a pid wrap other threads may have lower ids. */
	for (size_t i = 0; i < sample->nraw; i++)
		if (sample->raw[i].tid == leader) {
			struct raw_thread main = sample->raw[i];

			memmove(sample->raw + 1, sample->raw,
				i * sizeof(*sample->raw));
			sample->raw[0] = main;
		}
	for (size_t i = 0; i < sample->nraw; i++)
		fill_info(sample, &sample->raw[i], &infos[i]);
	waiting_fill(sample, infos + sample->nraw);
	sample->threads.threads = infos;
	sample->threads.n = sample->nraw + sample->nwaiters;
	sample->threads.nthreads = sample->nraw;
}

/* ---- the whole ----------------------------------------------------------------- */

/* What need not be done while the target is stopped. A process without Python,
 * or with one of which we know no more than that, still has native stacks. */
static bool prepare(struct thread_sample *sample, struct tm_err *err)
{
	struct tm_session *session = sample->session;
	struct tm_err why;

	sample->reader = tm_subject_stacks(session, &why);
	if (!sample->reader && session->runtime.name[0])
		thread_sample_note(sample, &why);
	sample->threads.meta = tm_meta_begin(session, "");
	if (!session->core)
		thread_states_read(&sample->states, session->process.pid);
	return tm_subject_unwinder(session, err) != NULL;
}

/* If there is no instant at which its tasks can be found, show the threads. */
static bool look_at_all(struct thread_sample *sample, struct tm_look *look,
			struct tm_err *err)
{
	waiting_prepare(sample, look);
	if (tm_look_at(sample->session, look, err))
		return true;
	if (err->kind != TM_ERR_BUSY || look->how != TM_LOOK_ANY)
		return false;
	waiting_give_up(sample, look, err);
	return tm_look_at(sample->session, look, err);
}

struct tm_threads *tm_session_threads(struct tm_session *session,
				      struct tm_err *err)
{
	TM_GUARD(sample_guard) struct thread_sample *sample =
		tm_calloc(1, sizeof(*sample));
	struct tm_threads *threads = &sample->threads;
	struct tm_look look = {
		.how = TM_LOOK_HELD, .maps = true, .read = thread_sample_take,
		.ctx = sample,
	};

	sample->session = session;
	if (!prepare(sample, err) || !look_at_all(sample, &look, err)) {
		tm_subject_explain(session, err);
		return NULL;
	}
	threads->meta.pause_ns = look.paused_ns;
	name_all(sample);
	sample = NULL;
	return threads;
}
