#include "py/thread_access.h"

#include <inttypes.h>

#include "base/guard.h"
#include "base/log.h"
#include "py/code.h"
#include "py/interpreters.h"

enum {
	/* Py_tss_t (Include/cpython/pythread.h): { int _is_initialized; pthread_key_t _key; } */
	TSS_KEY = 4,
	/* glibc: a pair {sequence, value} for each key; the first words before an
	 * array of images say how long it is. */
	KEY_SIZE = 16, KEY_VALUE = 8,
	WORD = 8, MUSL_NKEYS = 128,  /* PTHREAD_KEYS_MAX */
	KEYS_LIMIT = 64,             /* bytes of code */
};

struct finder {
	struct tm_mem *mem;
	const struct py_runtime *runtime;
	struct tm_image image;
	struct tm_range within; /* _PyRuntime */
	bool musl;              /* what it has set for keys is where this is said: */
	uint32_t keys;          /* tm_code_keys() */
};

static void finder_free(struct finder *finder)
{
	tm_image_free(&finder->image);
}

/* The first image that has the function. */
static void find_library(struct finder *finder, const struct tm_maps *maps)
{
	for (size_t i = 0; i < maps->n; i++) {
		TM_GUARD(tm_image_free) struct tm_image image = { 0 };
		unsigned char bytes[KEYS_LIMIT];
		struct tm_symbol found;
		struct tm_err ignored;

		if (maps->regions[i].offset != 0 || maps->regions[i].path[0] != '/' ||
		    !tm_image_read(finder->mem, &maps->regions[i], &image, &ignored) ||
		    !tm_image_dynsym(&image, "pthread_getspecific", &found))
			continue;
		finder->musl = tm_code_keys(bytes, tm_mem_read_some(finder->mem, found.address,
								    bytes, sizeof(bytes)),
					    &finder->keys);
		return;
	}
}

/* ---- a word, found ------------------------------------------------------------- */

/* A variable of _PyRuntime that the first of these functions that there is reads; the
 * second may be NULL. */
static tm_addr variable(const struct finder *finder, const char *const names[2],
			unsigned size)
{
	const struct py_variable what = { finder->within, finder->runtime->runtime, size };
	tm_addr at = 0;

	for (size_t i = 0; i < 2 && names[i] && !at; i++)
		at = py_code_first_read(finder->mem, &finder->image, names[i], &what);
	return at;
}

static bool take_local(const struct finder *finder, const char *name,
		       struct py_access *ret)
{
	struct tm_local local;
	struct tm_err err;

	if (!py_code_local(finder->mem, &finder->image, name, &local))
		return false;
	if (local.kind == TM_LOCAL_OFFSET) {
		*ret = (struct py_access){ PY_ACCESS_THREAD, local.value, 0 };
		return true;
	}
	/* Not what the linker has laid out, but what is passed to a function. */
	if (tm_range_has(finder->within, local.value) ||
	    !tm_mem_u64(finder->mem, local.value, &ret->image, &err) ||
	    !tm_mem_u64(finder->mem, local.value + sizeof(uint64_t), &ret->at, &err))
		return false;
	ret->kind = finder->musl ? PY_ACCESS_IMAGE_MUSL : PY_ACCESS_IMAGE;
	return true;
}

static bool find_attached(const struct finder *finder, struct py_access *ret,
			  struct tm_err *err)
{
	static const char *const names[] = { "PyThreadState_GetUnchecked",
					     "_PyThreadState_UncheckedGet" };
	tm_addr at;

	if (take_local(finder, names[0], ret) || take_local(finder, names[1], ret))
		return true;
	at = variable(finder, names, sizeof(tm_addr));
	*ret = (struct py_access){ PY_ACCESS_GLOBAL, at, 0 };
	return at || tm_err_set(err, TM_ERR_UNSUPPORTED, finder->image.path,
				"unknown build: its code does not tell where the current "
				"thread state is");
}

/* A Py_tss_t that is in use. Where _PyRuntime begins there is none, but it is referred
 * to, and may look like one. */
static bool is_key(const struct finder *finder, tm_addr at, uint32_t *ret_key)
{
	uint32_t initialized;
	struct tm_err err;

	return at != finder->within.start && tm_range_has(finder->within, at) &&
	       tm_mem_u32(finder->mem, at, &initialized, &err) && initialized == 1 &&
	       tm_mem_u32(finder->mem, at + TSS_KEY, ret_key, &err) &&
	       *ret_key < (finder->musl ? (uint32_t)MUSL_NKEYS : (uint32_t)TM_LOCAL_NKEYS);
}

/* What is in use there: if the word before makes it one, `at` is its second word. */
static tm_addr key_near(const struct finder *finder, tm_addr at, uint32_t *ret_key)
{
	if (is_key(finder, at - TSS_KEY, ret_key))
		return at - TSS_KEY;
	return is_key(finder, at, ret_key) ? at : 0;
}

static struct py_access of_key(const struct finder *finder, uint64_t key)
{
	if (finder->musl)
		return (struct py_access){ PY_ACCESS_POINTED, key * WORD, finder->keys };
	return (struct py_access){
		PY_ACCESS_THREAD, TM_LOCAL_KEYS + key * KEY_SIZE + KEY_VALUE, 0,
	};
}

/* autoTSSkey, until 3.14; a thread-local variable later. */
static void find_known(const struct finder *finder, struct py_access *ret)
{
	static const char name[] = "PyGILState_GetThisThreadState";
	struct tm_refers refers;
	tm_addr found = 0;
	uint32_t key = 0;

	*ret = (struct py_access){ PY_ACCESS_NONE, 0, 0 };
	if (!py_code_refers(finder->mem, &finder->image, name, finder->runtime->runtime,
			    &refers))
		return;
	for (size_t i = 0; i < refers.n; i++) {
		tm_addr at = key_near(finder, refers.at[i], &key);

		if (!at || at == found)
			continue;
		*ret = found ? (struct py_access){ PY_ACCESS_NONE, 0, 0 } : of_key(finder, key);
		found = at;
	}
	if (!found)
		take_local(finder, name, ret);
}

/* ---- all of it --------------------------------------------------------------------- */

static bool find_state(const struct finder *finder, struct py_thread_access *ret,
		       struct tm_err *err)
{
	static const char *const initialized[] = { "Py_IsInitialized", NULL };
	static const char *const finalizing[] = { "Py_IsFinalizing", "_Py_IsFinalizing" };

	ret->initialized = variable(finder, initialized, sizeof(uint32_t));
	ret->finalizing = variable(finder, finalizing, sizeof(tm_addr));
	return (ret->initialized && ret->finalizing) ||
	       tm_err_set(err, TM_ERR_UNSUPPORTED, finder->image.path,
			  "unknown build: its code does not tell whether the runtime is up");
}

/* The same that a reader of stacks has. */
static bool take_fields(const struct finder *finder, struct py_thread_access *ret,
			struct tm_err *err)
{
	struct py_frames frames;

	if (!py_frames_begin(&frames, finder->mem, finder->runtime, err))
		return false;
	ret->fields = frames.fields;
	ret->code_traceable = py_frames_traceable(&frames);
	ret->foreign_owner = frames.layout->foreign_owner;
	py_frames_free(&frames);
	return true;
}

bool py_thread_access_find(struct tm_mem *mem, const struct tm_maps *maps,
			   const struct py_runtime *runtime,
			   struct py_thread_access *ret, struct tm_err *err)
{
	TM_GUARD(finder_free) struct finder finder = {
		mem, runtime, { 0 },
		{ runtime->runtime, runtime->runtime + runtime->runtime_size }, false, 0,
	};
	struct py_thread_access access = { 0 };

	find_library(&finder, maps);
	if (!py_runtime_image(mem, maps, runtime, runtime->image, &finder.image, err) ||
	    !find_attached(&finder, &access.attached, err) ||
	    !find_state(&finder, &access, err) || !take_fields(&finder, &access, err))
		return false;
	find_known(&finder, &access.known);
	tm_log("thread states: attached %d 0x%" PRIx64 ", known %d 0x%" PRIx64,
	       (int)access.attached.kind, access.attached.at, (int)access.known.kind,
	       access.known.at);
	*ret = access;
	return true;
}

/* ---- a word, read -------------------------------------------------------------------- */

/* Of an image that was loaded later, a thread has nothing until it looks. */
static bool read_of_image(struct tm_mem *mem, const struct py_access *access,
			  uint64_t self, tm_addr *ret, struct tm_err *err)
{
	tm_addr images, block;
	uint64_t n;

	*ret = 0;
	if (!tm_mem_u64(mem, self + TM_LOCAL_IMAGES, &images, err) ||
	    !tm_mem_u64(mem, images - TM_LOCAL_IMAGE_SIZE, &n, err))
		return false;
	if (access->image > n)
		return true;
	if (!tm_mem_u64(mem, images + access->image * TM_LOCAL_IMAGE_SIZE, &block, err))
		return false;
	return block == TM_LOCAL_NONE || block == 0 ||
	       tm_mem_u64(mem, block + access->at, ret, err);
}

/* The same of musl: the first word says how many there are. */
static bool read_of_image_musl(struct tm_mem *mem, const struct py_access *access,
			       uint64_t self, tm_addr *ret, struct tm_err *err)
{
	tm_addr images, block;
	uint64_t n;

	*ret = 0;
	return tm_mem_u64(mem, self + TM_LOCAL_IMAGES, &images, err) &&
	       tm_mem_u64(mem, images, &n, err) &&
	       (access->image > n ||
		(tm_mem_u64(mem, images + access->image * WORD, &block, err) &&
		 (!block || tm_mem_u64(mem, block + access->at, ret, err))));
}

static bool read_pointed(struct tm_mem *mem, const struct py_access *access, uint64_t self,
			 tm_addr *ret, struct tm_err *err)
{
	tm_addr array;

	*ret = 0;
	return tm_mem_u64(mem, self + access->image, &array, err) &&
	       (!array || tm_mem_u64(mem, array + access->at, ret, err));
}

bool py_access_read(struct tm_mem *mem, const struct py_access *access, uint64_t self,
		    tm_addr *ret, struct tm_err *err)
{
	switch (access->kind) {
	case PY_ACCESS_GLOBAL:
		return tm_mem_u64(mem, access->at, ret, err);
	case PY_ACCESS_THREAD:
		return tm_mem_u64(mem, self + access->at, ret, err);
	case PY_ACCESS_IMAGE:
		return read_of_image(mem, access, self, ret, err);
	case PY_ACCESS_IMAGE_MUSL:
		return read_of_image_musl(mem, access, self, ret, err);
	case PY_ACCESS_POINTED:
		return read_pointed(mem, access, self, ret, err);
	case PY_ACCESS_NONE:
	default:
		*ret = 0;
		return true;
	}
}

/* ---- proved ---------------------------------------------------------------------------- */

struct proof {
	struct tm_mem *mem;
	const struct py_runtime *runtime;
	const struct py_thread *threads;
	size_t nthreads;
	struct py_stack_reader *reader;
	const struct py_tstate *states;
	size_t nstates;
};

static bool is_up(const struct proof *proof, const struct py_thread_access *access,
		  struct tm_err *err)
{
	uint32_t initialized;
	tm_addr finalizing;

	if (!tm_mem_u32(proof->mem, access->initialized, &initialized, err) ||
	    !tm_mem_u64(proof->mem, access->finalizing, &finalizing, err))
		return false;
	if (finalizing)
		return tm_err_set(err, TM_ERR_BUSY, proof->runtime->name,
				  "the interpreter is ending");
	return initialized ||
	       tm_err_set(err, TM_ERR_BUSY, proof->runtime->name,
			  "the interpreter is not up: it has not begun yet, or has ended");
}

/* Until 3.12 an id may be that of another thread: see running.h. */
static bool is_own(const struct proof *proof, const struct py_tstate *state, size_t thread)
{
	return state->thread == thread || state->id == proof->threads[thread].self;
}

/* What thread number `thread` finds is nothing, or a state of its own (of any thread,
 * if `any`). Counts those in *seen. */
static bool check_word(const struct proof *proof, const struct py_access *access,
		       size_t thread, size_t *seen, struct tm_err *err)
{
	bool any = access->kind == PY_ACCESS_GLOBAL;
	tm_addr at;

	if (!py_access_read(proof->mem, access, proof->threads[thread].self, &at, err))
		return false;
	if (!at)
		return true;
	for (size_t i = 0; i < proof->nstates; i++)
		if (proof->states[i].at == at &&
		    (any || is_own(proof, &proof->states[i], thread))) {
			*seen += 1;
			return true;
		}
	return tm_err_set(err, TM_ERR_UNSUPPORTED, proof->runtime->name,
			  "unknown build: what should be the state of a thread is 0x%" PRIx64
			  ", which no interpreter knows", at);
}

static bool check_access(const struct proof *proof, const struct py_access *access,
			 size_t *seen, struct tm_err *err)
{
	*seen = 0;
	for (size_t i = 0; i < proof->nthreads; i++)
		if (proof->threads[i].self != UINT64_MAX &&
		    !check_word(proof, access, i, seen, err))
			return false;
	return true;
}

/* Threads that wait are detached, so that there need not be an attached one: but then
 * they are known. */
static bool check_words(const struct proof *proof, const struct py_thread_access *access,
			struct tm_err *err)
{
	size_t attached, known;

	if (!check_access(proof, &access->attached, &attached, err) ||
	    !check_access(proof, &access->known, &known, err))
		return false;
	return known || (access->known.kind == PY_ACCESS_NONE && attached) ||
	       tm_err_set(err, TM_ERR_UNSUPPORTED, proof->runtime->name,
			  "no thread's state was found, of %zu that there are", proof->nstates);
}

static bool check_frames(const struct proof *proof, struct tm_err *err)
{
	TM_GUARD(py_stack_free) struct py_stack stack = { 0 };
	bool any = true;

	for (size_t i = 0; i < proof->nthreads; i++)
		if (!py_stack_read(proof->reader, i, &stack, err))
			return false;
	for (size_t i = 0; any; i++)
		if (!py_stack_read_stray(proof->reader, i, &any, &stack, err))
			return false;
	return true;
}

static bool check_all(struct proof *proof, const struct py_thread_access *access,
		      struct tm_err *err)
{
	if (!is_up(proof, access, err) ||
	    !py_stack_begin(proof->reader, proof->threads, proof->nthreads, err))
		return false;
	proof->states = py_stack_states(proof->reader, &proof->nstates);
	return check_words(proof, access, err) && check_frames(proof, err);
}

bool py_thread_access_prove(struct tm_mem *mem, const struct py_runtime *runtime,
			    const struct py_thread_access *access,
			    const struct py_thread *threads, size_t nthreads,
			    struct tm_err *err)
{
	struct proof proof = { mem, runtime, threads, nthreads,
			       py_stack_reader_create(mem, runtime, err), NULL, 0 };
	bool ok = proof.reader && check_all(&proof, access, err);

	py_stack_reader_destroy(proof.reader);
	return ok;
}
