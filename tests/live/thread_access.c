/*
 * thread_access PID [CODE...]: stops the process, and says for each thread which
 * PyThreadState it finds where it looks for one: `TID ATTACHED KNOWN`; for each code
 * object that is named by its address `code CODE FIRST_TRACEABLE`; and at last `proved`,
 * or why not.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "arch/arch.h"
#include "base/alloc.h"
#include "base/guard.h"
#include "py/thread_access.h"
#include "target/maps.h"
#include "target/stop.h"

static struct tm_mem *mem;
static struct tm_maps maps;
static struct py_runtime runtime;
static struct py_thread_access access_found;

static struct py_thread take_thread(const struct tm_thread *thread, struct tm_regs *regs)
{
	struct py_thread ret = { .self = UINT64_MAX };
	const struct tm_region *stack;

	if (!tm_thread_stands(thread) || !tm_regs_get(thread->tid, regs))
		return ret;
	stack = tm_maps_find(&maps, tm_regs_sp(regs));
	ret.self = tm_regs_tls(regs);
	ret.regs = (const uint64_t *)regs;
	ret.nregs = sizeof(*regs) / sizeof(uint64_t);
	ret.stack = stack ? tm_regs_sp(regs) / 8 * 8 : 0;
	ret.stack_end = stack ? stack->end : 0;
	return ret;
}

static bool show(const struct tm_thread *thread, uint64_t self, struct tm_err *err)
{
	tm_addr attached, known;

	if (!py_access_read(mem, &access_found.attached, self, &attached, err) ||
	    !py_access_read(mem, &access_found.known, self, &known, err))
		return false;
	printf("%d %" PRIu64 " %" PRIu64 "\n", (int)thread->tid, attached, known);
	return true;
}

static bool look(const struct tm_stop *stop, struct tm_err *err)
{
	TM_GUARD(tm_free_ptr) struct py_thread *threads = tm_calloc(stop->n, sizeof(*threads));
	TM_GUARD(tm_free_ptr) struct tm_regs *regs = tm_calloc(stop->n, sizeof(*regs));

	for (size_t i = 0; i < stop->n; i++) {
		threads[i] = take_thread(&stop->threads[i], &regs[i]);
		if (threads[i].self != UINT64_MAX &&
		    !show(&stop->threads[i], threads[i].self, err))
			return false;
	}
	return py_thread_access_prove(mem, &runtime, &access_found, threads, stop->n, err);
}

static bool show_code(tm_addr code, struct tm_err *err)
{
	uint32_t words = 0;

	if (access_found.code_traceable != PY_ABSENT &&
	    !tm_mem_u32(mem, code + access_found.code_traceable, &words, err))
		return false;
	printf("code %" PRIu64 " %" PRIu32 "\n", code, words);
	return true;
}

static bool open_target(pid_t pid, struct tm_process *ret, struct tm_err *err)
{
	mem = tm_mem_proc(pid, err);
	return mem && tm_maps_read(pid, &maps, err) && tm_process_open(pid, ret, err) &&
	       py_runtime_find(mem, &maps, pid, &runtime, err) &&
	       py_thread_access_find(mem, &maps, &runtime, &access_found, err);
}

static bool run(int argc, char **argv, struct tm_err *err)
{
	struct tm_process process;
	struct tm_stop stop;
	bool ok;

	if (!open_target(atoi(argv[1]), &process, err))
		return false;
	for (int i = 2; i < argc; i++)
		if (!show_code(strtoull(argv[i], NULL, 10), err))
			return false;
	if (!tm_stop_all(&process, TM_STOP_DEADLINE_MS, &stop, err))
		return false;
	ok = look(&stop, err);
	tm_stop_guard(&stop);
	return ok;
}

int main(int argc, char **argv)
{
	struct tm_err err = { 0 };

	if (argc < 2)
		return 2;
	if (!run(argc, argv, &err)) {
		printf("%s: %s\n", err.object, err.cause);
		return 1;
	}
	puts("proved");
	return 0;
}
