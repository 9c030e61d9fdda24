#include "py/debugger.h"

#include "base/guard.h"
#include "py/interpreters.h"

/* struct _debugger_support, in words. */
enum { BREAKER, SUPPORT, ENABLED, PENDING, PATH, PATH_SIZE, NWORDS };

enum { MAX_OFFSET = 1 << 20, MAX_PATH = 4096 };

static bool read_words(struct tm_mem *mem, const struct py_runtime *runtime,
		       uint64_t words[NWORDS])
{
	const tm_addr at = runtime->runtime + runtime->layout->stack.debugger;
	struct tm_err err;

	if (!tm_mem_read(mem, at, words, NWORDS * sizeof(*words), &err))
		return false;
	for (int i = 0; i < NWORDS; i++)
		if (words[i] >= MAX_OFFSET)
			return false;
	return words[PATH_SIZE] > 0 && words[PATH_SIZE] <= MAX_PATH &&
	       words[PATH] >= words[PENDING] + sizeof(int32_t);
}

static bool find_interpreter(struct tm_mem *mem, const struct py_runtime *runtime,
			     struct py_debugger *ret)
{
	TM_GUARD(py_interpreters_free) struct py_interpreters all = { 0 };
	struct py_stack_fields at;
	struct tm_err err;

	if (!py_stack_fields_read(mem, runtime, &at, &err) ||
	    !py_interpreters_read(mem, runtime, &at, &all, &err) || !all.n)
		return false;
	ret->interpreter = all.items[all.n - 1];
	ret->threads = at.threads;
	ret->thread_next = at.thread_next;
	ret->thread_interp = at.thread_interp;
	return true;
}

bool py_debugger_find(struct tm_mem *mem, const struct py_runtime *runtime,
		      struct py_debugger *ret)
{
	uint64_t words[NWORDS];
	struct tm_err err;
	uint32_t enabled;

	*ret = (struct py_debugger){ 0 };
	if (!runtime->layout->stack.debugger || !find_interpreter(mem, runtime, ret) ||
	    !read_words(mem, runtime, words) ||
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
