#include "py/debugger.h"

#include <string.h>

/* struct _debugger_support, in words. */
enum { BREAKER, SUPPORT, ENABLED, PENDING, PATH, PATH_SIZE, NWORDS };

enum { MAX_OFFSET = 1 << 20, MAX_PATH = 4096, MAX_INTERPRETERS = 4096 };

static bool is_debug_offsets(struct tm_mem *mem, const struct py_runtime *runtime)
{
	char cookie[8];
	uint64_t version;
	struct tm_err err;

	return tm_mem_read(mem, runtime->runtime, cookie, sizeof(cookie), &err) &&
	       tm_mem_u64(mem, runtime->runtime + 8, &version, &err) &&
	       memcmp(cookie, "xdebugpy", 8) == 0 &&
	       (uint32_t)version >> 16 == runtime->hexversion >> 16;
}

static bool read_words(struct tm_mem *mem, const struct py_runtime *runtime,
		       uint64_t words[NWORDS])
{
	const tm_addr at = runtime->runtime + runtime->layout->stack->debugger;
	struct tm_err err;

	if (!tm_mem_read(mem, at, words, NWORDS * sizeof(*words), &err))
		return false;
	for (int i = 0; i < NWORDS; i++)
		if (words[i] >= MAX_OFFSET)
			return false;
	return words[PATH_SIZE] > 0 && words[PATH_SIZE] <= MAX_PATH &&
	       words[PATH] >= words[PENDING] + sizeof(int32_t);
}

/* An offset that _Py_DebugOffsets holds at `position`. */
static bool offset(struct tm_mem *mem, const struct py_runtime *runtime,
		   uint16_t position, uint64_t *ret)
{
	struct tm_err err;

	return tm_mem_u64(mem, runtime->runtime + position, ret, &err) &&
	       *ret < MAX_OFFSET;
}

/* New ones are put in front: the main interpreter is the last. */
static bool find_interpreter(struct tm_mem *mem, const struct py_runtime *runtime,
			     struct py_debugger *ret)
{
	const struct py_stack_fields *at = &runtime->layout->stack->fields;
	uint64_t head, next;
	struct tm_err err;
	tm_addr interpreter;

	if (!offset(mem, runtime, at->interpreters, &head) ||
	    !offset(mem, runtime, at->interp_next, &next) ||
	    !offset(mem, runtime, at->threads, &ret->threads) ||
	    !offset(mem, runtime, at->thread_next, &ret->thread_next) ||
	    !offset(mem, runtime, at->thread_interp, &ret->thread_interp) ||
	    !tm_mem_u64(mem, runtime->runtime + head, &interpreter, &err))
		return false;
	for (int n = 0; interpreter && n < MAX_INTERPRETERS; n++) {
		ret->interpreter = interpreter;
		if (!tm_mem_u64(mem, interpreter + next, &interpreter, &err))
			return false;
	}
	return ret->interpreter && !interpreter;
}

bool py_debugger_find(struct tm_mem *mem, const struct py_runtime *runtime,
		      struct py_debugger *ret)
{
	uint64_t words[NWORDS];
	struct tm_err err;
	uint32_t enabled;

	*ret = (struct py_debugger){ 0 };
	if (!runtime->layout->stack->debugger || !is_debug_offsets(mem, runtime) ||
	    !read_words(mem, runtime, words) ||
	    !find_interpreter(mem, runtime, ret) ||
	    !tm_mem_u32(mem, ret->interpreter + words[ENABLED], &enabled, &err))
		return false;
	ret->enabled = enabled == 1;
	ret->breaker = words[BREAKER];
	ret->pending = words[SUPPORT] + words[PENDING];
	ret->path = words[SUPPORT] + words[PATH];
	ret->path_size = words[PATH_SIZE];
	return true;
}

bool py_debugger_next(struct tm_mem *mem, const struct py_debugger *debugger,
		      tm_addr *thread)
{
	tm_addr from = *thread ? *thread + debugger->thread_next
			       : debugger->interpreter + debugger->threads;
	struct tm_err err;
	tm_addr owner;

	if (!tm_mem_u64(mem, from, thread, &err))
		return false;
	return !*thread ||
	       (tm_mem_u64(mem, *thread + debugger->thread_interp, &owner, &err) &&
		owner == debugger->interpreter);
}
