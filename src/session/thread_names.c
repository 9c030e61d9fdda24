#include "session/thread_names.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "base/log.h"
#include "base/map.h"
#include "base/utf8.h"
#include "py/thread_names.h"

enum {
	MAX_NAME = 200,  /* bytes of Python's; the kernel's are shorter */
	FEW = 1024,      /* of which none is forgotten */
};

struct named {
	uint32_t serial;
	pid_t tid;
	tm_addr pointer; /* of one that was there at the last look; 0: it has ended */
	uint32_t own;    /* its id as it knows it; 0: unknown */
	bool python;     /* it is Python that calls it so */
	struct tm_buf text;
};

struct tm_thread_names {
	struct tm_mem *mem;    /* of the process or core, while names are learnt */
	uint32_t tid_at;       /* as in the recorder's table */
	bool in_core;
	uint64_t seed;   /* of the recording whose threads they are */
	struct named *items;
	size_t n, cap;
	size_t many;     /* so many, and those without blocks are forgotten */
	struct tm_map by_serial, by_pointer; /* which of `items` */
};

static void drop(struct tm_thread_names *names)
{
	for (size_t i = 0; i < names->n; i++)
		tm_buf_free(&names->items[i].text);
	free(names->items);
	tm_map_free(&names->by_serial);
	tm_map_free(&names->by_pointer);
	*names = (struct tm_thread_names){ 0 };
}

void tm_thread_names_destroy(struct tm_thread_names *names)
{
	if (names)
		drop(names);
	free(names);
}

/* ---- which there are ------------------------------------------------------------- */

static struct named *item(struct tm_thread_names *names, uint32_t serial)
{
	uint32_t *at = tm_map_put(&names->by_serial, serial);

	if (*at != TM_MAP_NONE)
		return &names->items[*at];
	*at = (uint32_t)names->n;
	names->items = tm_grow(names->items, &names->cap, names->n + 1, sizeof(*names->items));
	names->items[names->n] = (struct named){ .serial = serial };
	return &names->items[names->n++];
}

/* Without those that have ended and have no blocks. */
static void forget(struct tm_thread_names *names, const struct tm_recorder_copy *copy)
{
	struct tm_map used = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < copy->nslots; i++)
		*tm_map_put(&used, copy->sides[i].thread) = 1;
	tm_map_free(&names->by_serial);
	for (size_t i = 0; i < names->n; i++) {
		struct named *one = &names->items[i];

		if (!one->pointer && tm_map_get(&used, one->serial) == TM_MAP_NONE) {
			tm_buf_free(&one->text);
			continue;
		}
		*tm_map_put(&names->by_serial, one->serial) = (uint32_t)n;
		names->items[n++] = *one;
	}
	names->n = n;
	names->many = n < FEW ? 2 * FEW : 2 * n;
	tm_map_free(&used);
}

/* Is who has this thread pointer the one that has recorded there? Then it has been since, too.
 * gdb writes zeros in place of stacks with guard pages of MADV_GUARD_INSTALL (glibc 2.42): in
 * a core of it the number tells, if it is the same for us. */
static bool is_still(const struct tm_thread_names *names, tm_addr pointer, uint32_t own,
		     pid_t tid)
{
	uint32_t now = 0;

	if (!names->tid_at || !own)
		return true;
	tm_mem_read_some(names->mem, pointer + names->tid_at, &now, sizeof(now));
	return now == own || (names->in_core && !now && own == (uint32_t)tid);
}

static void see(struct tm_thread_names *names, const struct tm_recorder_copy *copy,
		const struct tm_inject_thread *seen, size_t n)
{
	struct tm_map tids = { 0 };

	for (size_t i = 0; i < names->n; i++)
		names->items[i].pointer = 0;
	for (size_t i = 0; i < n; i++)
		*tm_map_put(&tids, seen[i].pointer) = (uint32_t)seen[i].tid;
	for (size_t i = 0; i < TM_RECORDER_THREADS; i++) {
		const struct tm_recorder_holder *holder = &copy->holders[i];
		const tm_addr pointer = copy->threads[i].owner;
		uint32_t tid = tm_map_get(&tids, pointer);
		struct named *one;

		if (!pointer || !holder->serial || tid == TM_MAP_NONE ||
		    !is_still(names, pointer, holder->tid, (pid_t)tid))
			continue;
		one = item(names, holder->serial);
		one->pointer = pointer;
		one->own = holder->tid;
		one->tid = (pid_t)tid;
		one->python = false;
	}
	tm_map_free(&tids);
	if (names->n > names->many)
		forget(names, copy);
	tm_map_free(&names->by_pointer);
	for (size_t i = 0; i < names->n; i++)
		if (names->items[i].pointer)
			*tm_map_put(&names->by_pointer, names->items[i].pointer) = (uint32_t)i;
}

/* ---- what they are called ---------------------------------------------------------- */

static void call(struct named *one, const char *name, size_t len)
{
	/* Not in the middle of a character. */
	if (len > MAX_NAME)
		for (len = MAX_NAME; len > 0 && ((unsigned char)name[len] & 0xc0) == 0x80; len--)
			;
	tm_buf_clear(&one->text);
	tm_buf_add(&one->text, name, len);
	tm_buf_addf(&one->text, " (%d)", (int)one->tid);
}

static void by_python(void *ctx, uint64_t ident, const struct tm_buf *name)
{
	struct tm_thread_names *names = ctx;
	uint32_t at = tm_map_get(&names->by_pointer, ident);
	struct named *one = at == TM_MAP_NONE ? NULL : &names->items[at];

	if (!one || !is_still(names, ident, one->own, one->tid))
		return;
	call(one, name->data, name->len);
	one->python = true;
}

static bool read_comm(pid_t pid, pid_t tid, char *ret, size_t size)
{
	char path[64];
	FILE *file;
	bool ok;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/comm", (int)pid, (int)tid);
	file = fopen(path, "re");
	ok = file && fgets(ret, (int)size, file);
	if (file)
		fclose(file);
	if (ok)
		ret[strcspn(ret, "\n")] = '\0';
	return ok;
}

/* The name that it had, if it has just ended. */
static void by_kernel(const struct tm_session *session, struct named *one)
{
	const struct tm_process *process = &session->process;
	TM_GUARD(tm_buf_free) struct tm_buf text = { 0 };
	char comm[32];

	if (session->core)
		snprintf(comm, sizeof(comm), "%s", one->tid == process->leader &&
			 process->name[0] ? process->name : "thread");
	else if (!read_comm(process->pid, one->tid, comm, sizeof(comm))) {
		if (one->text.len)
			return;
		snprintf(comm, sizeof(comm), "thread");
	}
	tm_utf8_add_escaped(&text, comm, strlen(comm));
	call(one, text.data, text.len);
}

void tm_thread_names_learn(struct tm_session *session, const struct tm_recorder_copy *copy,
			   const struct tm_inject_thread *seen, size_t n)
{
	struct tm_thread_names *names = session->threads;
	struct tm_err err;

	if (!names)
		names = session->threads = tm_calloc(1, sizeof(*names));
	if (names->seed != copy->table.seed)
		drop(names);
	names->seed = copy->table.seed;
	names->mem = session->mem;
	names->tid_at = copy->table.tid_at;
	names->in_core = session->core;
	if (!names->many)
		names->many = FEW;
	see(names, copy, seen, n);
	if (tm_subject_python(session, &err) &&
	    !py_thread_names_each(session->mem, &session->runtime, by_python, names, &err))
		tm_log("Python's names of threads are not known: %s", err.cause);
	for (size_t i = 0; i < names->n; i++)
		if (names->items[i].pointer && !names->items[i].python)
			by_kernel(session, &names->items[i]);
}

static bool tell(void *ctx, uint32_t serial, struct tm_buf *ret)
{
	const struct tm_thread_names *names = ctx;
	uint32_t at = tm_map_get(&names->by_serial, serial);

	if (at != TM_MAP_NONE)
		tm_buf_add(ret, names->items[at].text.data, names->items[at].text.len);
	else
		tm_buf_addf(ret, "thread %" PRIu32 " (ended)", serial);
	return true;
}

void tm_thread_names_tell(struct tm_session *session, struct tm_frame_source *source)
{
	source->thread = tell;
	source->thread_ctx = session->threads;
}
