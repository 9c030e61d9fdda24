#include "session/run_hold.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/guard.h"
#include "base/log.h"
#include "image/image.h"
#include "inject/detour.h"
#include "target/maps.h"

/* ---- CPython's functions ------------------------------------------------------- */

static const struct {
	const char *name;
	const char *older;
} names[RUN_FN_COUNT] = {
	[RUN_FN_IS_FINALIZING] = { "Py_IsFinalizing", "_Py_IsFinalizing" },
	[RUN_FN_GET_ALLOCATOR] = { "PyMem_GetAllocator", NULL },
	[RUN_FN_SET_ALLOCATOR] = { "PyMem_SetAllocator", NULL },
	[RUN_FN_IS_INITIALIZED] = { "Py_IsInitialized", NULL },
	[RUN_FN_UNTRACK] = { "PyTraceMalloc_Untrack", NULL },
	[RUN_FN_IMPORT_MODULE] = { "PyImport_ImportModule", NULL },
	[RUN_FN_CALL_METHOD] = { "PyObject_CallMethod", NULL },
	[RUN_FN_DEC_REF] = { "Py_DecRef", NULL },
	[RUN_FN_ERR_FETCH] = { "PyErr_Fetch", NULL },
	[RUN_FN_ERR_RESTORE] = { "PyErr_Restore", NULL },
	[RUN_FN_ERR_CLEAR] = { "PyErr_Clear", NULL },
};

/* Its address, if it is loaded as code: a file may be mapped to be read. */
static tm_addr find_function(const struct tm_image *image, const struct tm_maps *maps,
			     const char *name, uint64_t *ret_size)
{
	const struct tm_region *region;
	struct tm_symbol symbol;

	if (!tm_image_dynsym(image, name, &symbol))
		return 0;
	region = tm_maps_find(maps, symbol.address);
	if (!region || !region->executable)
		return 0;
	*ret_size = symbol.size;
	return symbol.address;
}

static bool take_python(struct tm_mem *mem, const struct tm_image *image,
			const struct tm_maps *maps, struct run_python *ret)
{
	struct tm_symbol runtime;
	uint64_t size;

	if (!tm_image_dynsym(image, "_PyRuntime", &runtime))
		return false;
	ret->finalize = find_function(image, maps, "Py_FinalizeEx", &ret->finalize_size);
	ret->frame = find_function(image, maps, "_PyEval_EvalFrameDefault", &ret->frame_size);
	for (size_t i = 0; i < RUN_FN_COUNT; i++) {
		ret->fn[i] = find_function(image, maps, names[i].name, &size);
		if (!ret->fn[i] && names[i].older)
			ret->fn[i] = find_function(image, maps, names[i].older, &size);
	}
	/* From 3.13 on the interpreter itself calls what this one calls. */
	if (ret->finalize) {
		tm_addr really = tm_detour_follow(mem, ret->finalize, ret->finalize_size);

		if (really != ret->finalize)
			ret->finalize_size = 0;
		ret->finalize = really;
	}
	return ret->finalize != 0;
}

/* The first image that `take` accepts. */
static bool find_image(struct tm_mem *mem, const struct tm_maps *maps, void *ctx,
		       bool (*take)(struct tm_mem *mem, const struct tm_image *image,
				    const struct tm_maps *maps, void *ctx))
{
	for (size_t i = 0; i < maps->n; i++) {
		TM_GUARD(tm_image_free) struct tm_image image = { 0 };
		const struct tm_region *region = &maps->regions[i];
		struct tm_err err;

		if (region->offset == 0 && region->readable && region->path[0] == '/' &&
		    tm_image_read(mem, region, &image, &err) &&
		    take(mem, &image, maps, ctx))
			return true;
	}
	return false;
}

static bool take_python_image(struct tm_mem *mem, const struct tm_image *image,
			      const struct tm_maps *maps, void *ctx)
{
	struct run_python found = { 0 };

	if (!take_python(mem, image, maps, &found))
		return false;
	*(struct run_python *)ctx = found;
	return true;
}

bool run_hold_find(pid_t pid, struct run_python *ret)
{
	TM_GUARD(tm_mem_guard) struct tm_mem *mem = NULL;
	TM_GUARD(tm_maps_free) struct tm_maps maps = { 0 };
	struct tm_err err;

	*ret = (struct run_python){ 0 };
	mem = tm_mem_proc(pid, &err);
	return mem && tm_maps_read(pid, &maps, &err) &&
	       find_image(mem, &maps, ret, take_python_image);
}

/* ---- detours ---------------------------------------------------------------------- */

enum {
	MOVED_AT = TM_PAGE - RUN_DETOURS * TM_TRAMPOLINE_SIZE, /* in the code page */
};

/* What is to be brought in. */
struct bringing {
	const struct tm_process *process;
	struct tm_mem *mem;
	struct {
		tm_addr function; /* 0: not wanted */
		uint64_t size;
	} from[RUN_DETOURS];
	struct run_place place;
	unsigned char code[TM_PAGE];
	struct run_hold *hold;
};

static const char *const entries[RUN_DETOURS] = {
	[RUN_FINALIZE] = run_detour_finalize,
	[RUN_FRAME] = run_detour_frame,
	[RUN_LOAD] = run_detour_load,
	[RUN_PRCTL] = run_detour_prctl,
	[RUN_SYSCALL] = run_detour_syscall,
};

/* The first instructions of a wanted function. */
static bool move(struct bringing *b, enum run_detour which, struct tm_err *err)
{
	const tm_addr code = b->hold->place + TM_PAGE;
	const size_t at = MOVED_AT + which * TM_TRAMPOLINE_SIZE;
	struct tm_trampoline moved;
	const char *why;

	if (!b->from[which].function)
		return true;
	why = tm_detour_make(b->mem, b->from[which].function, b->from[which].size,
			     code + at, &moved);
	if (why) {
		tm_err_set(err, TM_ERR_UNSUPPORTED, b->process->object,
			   "the function at 0x%llx cannot make a detour: %s",
			   (unsigned long long)b->from[which].function, why);
		b->from[which].function = 0;
		return false;
	}
	memcpy(b->code + at, moved.code, moved.size);
	b->place.moved[which] = code + at;
	return true;
}

static bool jump(struct bringing *b, enum run_detour which, struct tm_err *err)
{
	const tm_addr code = b->hold->place + TM_PAGE;

	if (b->from[which].function)
		b->hold->made[which] =
			tm_detour_set(b->process, b->mem, b->from[which].function,
				      code + (tm_addr)(entries[which] - run_payload_begin), err);
	return !b->from[which].function || b->hold->made[which];
}

/* *ret_all: nothing wanted is missing. */
static bool fill(struct bringing *b, bool *ret_all, struct tm_err *err)
{
	const size_t len = (size_t)(run_payload_end - run_payload_begin);

	*ret_all = true;
	if (len > MOVED_AT)
		return tm_err_set(err, TM_ERR_LIMIT, "tmattach",
				  "the code for the command is too long");
	memcpy(b->code, run_payload_begin, len);
	memcpy(b->place.magic, RUN_MAGIC, sizeof(RUN_MAGIC));
	b->place.pid = b->process->pid;
	b->place.tracer = getpid();
	for (unsigned i = 0; i < RUN_DETOURS; i++)
		*ret_all &= move(b, i, err);
	return tm_detour_write(b->process, b->hold->place, &b->place, sizeof(b->place), err) &&
	       tm_detour_write(b->process, b->hold->place + TM_PAGE, b->code,
			       sizeof(b->code), err);
}

static tm_addr first_function(const struct bringing *b)
{
	for (unsigned i = 0; i < RUN_DETOURS; i++)
		if (b->from[i].function)
			return b->from[i].function;
	return 0;
}

static bool bring(struct bringing *b, const struct tm_maps *maps, struct tm_err *err)
{
	tm_addr near = first_function(b);
	bool all;

	if (!near)
		return true;
	if (!tm_detour_map(b->process, b->mem, maps, near, &b->hold->place, err) ||
	    !fill(b, &all, err))
		return false;
	for (unsigned i = 0; i < RUN_DETOURS; i++)
		all &= jump(b, i, err);
	tm_log("run: a place at 0x%llx", (unsigned long long)b->hold->place);
	return all;
}

/* Is everything there that a detour needs? The first functions are for the end. */
static bool complete(const struct run_python *python, size_t first, size_t end,
		     const struct tm_process *process, struct tm_err *err)
{
	for (size_t i = first; i < end; i++)
		if (!python->fn[i])
			return tm_err_set(err, TM_ERR_UNSUPPORTED, process->object,
					  "its interpreter exports no %s()", names[i].name);
	return true;
}

static void want(struct bringing *b, enum run_detour which, tm_addr function, uint64_t size)
{
	b->from[which].function = function;
	b->from[which].size = size;
}

bool run_hold_python(const struct tm_process *process, const struct run_python *python,
		     const struct run_hold *libc, const struct run_wanted *wanted,
		     struct run_hold *ret, struct tm_err *err)
{
	TM_GUARD(tm_mem_guard) struct tm_mem *mem = tm_mem_proc(process->pid, err);
	TM_GUARD(tm_maps_free) struct tm_maps maps = { 0 };
	struct bringing b = { .process = process, .mem = mem, .hold = ret, .place = {
		.nframe = (int32_t)wanted->nframe,
		.module = "_tracemalloc", .method = "start", .format = "i",
	} };
	bool ok = true;

	*ret = (struct run_hold){ 0 };
	if (!mem || !tm_maps_read(process->pid, &maps, err))
		return false;
	memcpy(b.place.fn, python->fn, sizeof(b.place.fn));
	if (libc->place)
		b.place.filtered = libc->place + offsetof(struct run_place, filters);
	if (wanted->up && (ok = complete(python, RUN_FN_IS_INITIALIZED,
					 wanted->nframe ? RUN_FN_COUNT : RUN_FN_UNTRACK,
					 process, err)))
		want(&b, RUN_FRAME, python->frame, python->frame_size);
	if (wanted->end && (ok = complete(python, 0, RUN_FN_UNTRACK, process, err)))
		want(&b, RUN_FINALIZE, python->finalize, python->finalize_size);
	return bring(&b, &maps, err) && ok;
}

static void want_exported(struct bringing *b, const struct tm_image *image,
			  const struct tm_maps *maps, enum run_detour which, const char *name)
{
	uint64_t size = 0;
	tm_addr function = b->from[which].function ? 0 : find_function(image, maps, name, &size);

	if (function)
		want(b, which, function, size);
}

/* The loader may be an image of its own. Others may export such names, too:
 * sanitizers do. */
static bool take_libc(struct tm_mem *mem, const struct tm_image *image,
		      const struct tm_maps *maps, void *ctx)
{
	struct bringing *b = ctx;
	struct tm_symbol symbol;

	(void)mem;
	want_exported(b, image, maps, RUN_LOAD, "_dl_debug_state");
	if (tm_image_dynsym(image, "__libc_start_main", &symbol)) {
		want_exported(b, image, maps, RUN_PRCTL, "prctl");
		want_exported(b, image, maps, RUN_SYSCALL, "syscall");
	}
	return b->from[RUN_LOAD].function && b->from[RUN_PRCTL].function;
}

bool run_hold_libc(const struct tm_process *process, bool load, struct run_hold *ret,
		   struct tm_err *err)
{
	TM_GUARD(tm_mem_guard) struct tm_mem *mem = tm_mem_proc(process->pid, err);
	TM_GUARD(tm_maps_free) struct tm_maps maps = { 0 };
	struct bringing b = { .process = process, .mem = mem, .hold = ret };

	*ret = (struct run_hold){ 0 };
	if (!mem || !tm_maps_read(process->pid, &maps, err))
		return false;
	find_image(mem, &maps, &b, take_libc);
	if (!load)
		b.from[RUN_LOAD].function = 0;
	return bring(&b, &maps, err);
}

/* ---- afterwards ---------------------------------------------------------------------- */

struct run_place run_hold_read(pid_t pid, const struct run_hold *hold)
{
	TM_GUARD(tm_mem_guard) struct tm_mem *mem = NULL;
	struct run_place place = { 0 };
	struct tm_err err;

	mem = hold->place ? tm_mem_proc(pid, &err) : NULL;
	if (!mem || !tm_mem_read(mem, hold->place, &place, sizeof(place), &err) ||
	    memcmp(place.magic, RUN_MAGIC, sizeof(RUN_MAGIC)) != 0)
		place = (struct run_place){ 0 };
	return place;
}

static void write_word(const struct tm_process *process, const struct run_hold *hold,
		       size_t at, uint32_t word)
{
	struct tm_err err;

	if (!tm_detour_write(process, hold->place + at, &word, sizeof(word), &err))
		tm_log("run: %s: %s", err.object, err.cause);
}

void run_hold_adopt(const struct tm_process *process, const struct run_hold *hold)
{
	write_word(process, hold, offsetof(struct run_place, pid), (uint32_t)process->pid);
}

void run_hold_away(const struct tm_process *process, const struct run_hold *hold, bool away)
{
	if (hold->place)
		write_word(process, hold, offsetof(struct run_place, away), away);
}

void run_hold_heard(const struct tm_process *process, const struct run_hold *hold)
{
	if (hold->place)
		write_word(process, hold, offsetof(struct run_place, says), RUN_SAYS_NOTHING);
}

void run_hold_pass(const struct tm_process *process, const struct run_hold *hold,
		   enum run_detour detour)
{
	write_word(process, hold, offsetof(struct run_place, passed) +
		   detour * sizeof(uint32_t), 1);
}
