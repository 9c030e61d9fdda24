/*
 * What src/native says about a process, for the tests to hold against others:
 *
 *   native_driver stacks PID ROUNDS   our frames against libdwfl's, in one stop
 *   native_driver steps PID N         the same after each of N instructions of
 *                                     its only thread, and whether the stack
 *                                     comes to main()
 *   native_driver places PID MODULE N [SEED]
 *                                     N addresses in the module's code, named
 *                                     in addr2line's format, innermost first
 */
#include <elfutils/libdwfl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "arch/arch.h"
#include "base/clock.h"
#include "base/guard.h"
#include "native/elf_file.h"
#include "native/symbols.h"
#include "native/unwind.h"
#include "target/maps.h"
#include "target/process.h"
#include "target/stop.h"

struct target {
	struct tm_process process;
	struct tm_mem *mem;
	struct native_modules modules;
	struct tm_symbolizer *symbolizer;
	struct tm_unwinder *unwinder;
};

static void die(const struct tm_err *err)
{
	fprintf(stderr, "%s: %s\n", err->object, err->cause);
	exit(1);
}

static bool refresh(struct target *target)
{
	TM_GUARD(tm_maps_free) struct tm_maps maps = { 0 };
	struct tm_err err;

	if (!tm_maps_read(target->process.pid, &maps, &err))
		die(&err);
	return native_modules_update(&target->modules, &maps);
}

static void open_target(struct target *target, pid_t pid)
{
	struct tm_err err;

	if (!tm_process_open(pid, &target->process, &err) ||
	    !(target->mem = tm_mem_proc(pid, &err)))
		die(&err);
	native_modules_init(&target->modules, pid, target->mem);
	refresh(target);
	target->symbolizer = tm_symbolizer_create(&target->modules);
	target->unwinder = tm_unwinder_create(&target->modules, &err);
	if (!target->unwinder)
		die(&err);
}

static void close_target(struct target *target)
{
	tm_unwinder_destroy(target->unwinder);
	tm_symbolizer_destroy(target->symbolizer);
	native_modules_deinit(&target->modules);
	tm_mem_destroy(target->mem);
}

/* ---- libdwfl, the oracle ------------------------------------------------ */

static struct target *oracle_target;
static Dwfl *oracle_dwfl;

static int find_elf(Dwfl_Module *mod, void **data, const char *name,
		    Dwarf_Addr base, char **file_name, Elf **elf)
{
	struct native_module *module = NULL;
	struct native_elf file;

	(void)mod;
	(void)data;
	(void)name;
	*elf = NULL;
	for (size_t i = 0; i < oracle_target->modules.nnow; i++)
		if (oracle_target->modules.now[i]->start == base)
			module = oracle_target->modules.now[i];
	if (!module || !native_module_read(&oracle_target->modules, module) ||
	    !native_elf_open_module(module, oracle_target->process.pid,
				    oracle_target->mem, NATIVE_VIA_ALL, &file))
		return -1;
	*elf = file.elf; /* libdwfl owns it now */
	*file_name = file.path ? file.path : strdup(module->path);
	return file.fd;
}

static int no_debuginfo(Dwfl_Module *mod, void **data, const char *name,
			Dwarf_Addr base, const char *file_name,
			const char *link, GElf_Word crc, char **debug_name)
{
	(void)mod, (void)data, (void)name, (void)base;
	(void)file_name, (void)link, (void)crc, (void)debug_name;
	return -1;
}

static const Dwfl_Callbacks callbacks = {
	.find_elf = find_elf,
	.find_debuginfo = no_debuginfo,
};

static int take_frame(Dwfl_Frame *state, void *arg)
{
	struct tm_stack *stack = arg;
	struct tm_stack_frame frame = { 0 };
	Dwarf_Addr pc;
	bool activation;

	if (!dwfl_frame_pc(state, &pc, &activation))
		return DWARF_CB_ABORT;
	frame.pc = pc;
	frame.is_return = !activation;
	stack->frames = realloc(stack->frames, (stack->n + 1) * sizeof(frame));
	stack->frames[stack->n++] = frame;
	return DWARF_CB_OK;
}

static Dwfl *oracle_open(struct target *target)
{
	Dwfl *dwfl = dwfl_begin(&callbacks);

	oracle_target = target;
	oracle_dwfl = dwfl;
	dwfl_report_begin(dwfl);
	if (dwfl_linux_proc_report(dwfl, target->process.pid) != 0 ||
	    dwfl_report_end(dwfl, NULL, NULL) != 0 ||
	    dwfl_linux_proc_attach(dwfl, target->process.pid, true) != 0) {
		fprintf(stderr, "libdwfl: %s\n", dwfl_errmsg(-1));
		exit(1);
	}
	return dwfl;
}

/* ---- stacks -------------------------------------------------------------- */

struct tally {
	size_t threads, complete, equal, guesses, frames, equal_frames, in_main;
	uint64_t ours_ns, theirs_ns;
};

static void print_stack(struct target *target, const char *who,
			const struct tm_stack *stack)
{
	printf("  %s%s\n", who, stack->complete ? "" : " (incomplete)");
	for (size_t i = 0; i < stack->n; i++) {
		const struct tm_stack_frame *frame = &stack->frames[i];
		struct tm_code_place place = tm_symbolize(
			target->symbolizer, frame->pc, frame->is_return);

		printf("   #%zu %" PRIx64 "%s %s (%s)\n", i, frame->pc,
		       frame->guessed ? "?" : "",
		       place.frames[0].function ? place.frames[0].function : "??",
		       place.module ? place.module->path : "-");
	}
}

static bool comes_to_main(struct target *target, const struct tm_stack *stack)
{
	for (size_t i = 0; i < stack->n; i++) {
		struct tm_code_place place = tm_symbolize(
			target->symbolizer, stack->frames[i].pc,
			stack->frames[i].is_return);
		const char *name = place.frames[0].function;

		if (name && strcmp(name, "main") == 0)
			return true;
	}
	return false;
}

/* Does libdw find a table entry for the code of the frame? */
static bool has_table(const struct tm_stack_frame *frame)
{
	tm_addr at = frame->pc - (frame->is_return ? 1 : 0);
	Dwfl_Module *mod = dwfl_addrmodule(oracle_dwfl, at);
	Dwarf_Addr bias;
	Dwarf_CFI *cfi = mod ? dwfl_module_eh_cfi(mod, &bias) : NULL;
	Dwarf_Frame *rules = NULL;
	bool found = cfi && dwarf_cfi_addrframe(cfi, at - bias, &rules) == 0;

	free(rules);
	return found;
}

static void compare_thread(struct target *target, Dwfl *dwfl, pid_t tid,
			   struct tally *tally)
{
	TM_GUARD(tm_stack_free) struct tm_stack ours = { 0 };
	TM_GUARD(tm_stack_free) struct tm_stack theirs = { 0 };
	struct tm_regs regs;
	uint64_t t0, t1, t2;
	size_t same = 0;
	bool beyond_tables = false;

	if (!tm_regs_get(tid, &regs))
		return;
	t0 = tm_now_ns();
	tm_unwind(target->unwinder, target->mem, &regs, 0, &ours);
	t1 = tm_now_ns();
	dwfl_getthread_frames(dwfl, tid, take_frame, &theirs);
	t2 = tm_now_ns();
	tally->ours_ns += t1 - t0;
	tally->theirs_ns += t2 - t1;
	while (same < ours.n && same < theirs.n &&
	       ours.frames[same].pc == theirs.frames[same].pc &&
	       ours.frames[same].is_return == theirs.frames[same].is_return)
		same++;
	tally->threads++;
	tally->complete += ours.complete;
	tally->in_main += comes_to_main(target, &ours);
	tally->frames += theirs.n;
	tally->equal_frames += same;
	tally->equal += same == ours.n && same == theirs.n;
	/* Equal as far as there are tables, and different only behind. */
	for (size_t i = 0; i < ours.n; i++)
		beyond_tables |= i <= same && !has_table(&ours.frames[i]);
	if (same != ours.n || same != theirs.n)
		tally->guesses += beyond_tables;
	if (same != ours.n || same != theirs.n || getenv("VERBOSE")) {
		print_stack(target, "ours", &ours);
		print_stack(target, "libdwfl's", &theirs);
	}
}

static void stacks(struct target *target, int rounds)
{
	struct tally tally = { 0 };
	uint64_t paused = 0;

	for (int i = 0; i < rounds; i++) {
		TM_GUARD(tm_stop_guard) struct tm_stop stop = { 0 };
		struct tm_err err;
		Dwfl *dwfl;

		if (!tm_stop_all(&target->process, 2000, &stop, &err))
			die(&err);
		tm_unwinder_begin(target->unwinder, refresh(target));
		dwfl = oracle_open(target);
		for (size_t t = 0; t < stop.n; t++)
			if (stop.threads[t].state == TM_THREAD_STOPPED)
				compare_thread(target, dwfl, stop.threads[t].tid,
					       &tally);
		dwfl_end(dwfl);
		paused += tm_stop_release(&stop);
		usleep(1000 * (useconds_t)(i % 7));
	}
	printf("stacks: threads %zu complete %zu equal %zu frames %zu equal %zu"
	       " ours %.1f us theirs %.1f us guesses apart %zu\n", tally.threads, tally.complete,
	       tally.equal, tally.frames, tally.equal_frames,
	       (double)tally.ours_ns / 1e3 / (double)(tally.threads + !tally.threads),
	       (double)tally.theirs_ns / 1e3 / (double)(tally.threads + !tally.threads),
	       tally.guesses);
}

/* One instruction; a signal that comes up is delivered. */
static void single_step(pid_t tid, int *sig)
{
	int status;

	if (ptrace(PTRACE_SINGLESTEP, tid, NULL, (void *)(long)*sig) != 0 ||
	    waitpid(tid, &status, __WALL) != tid || !WIFSTOPPED(status)) {
		fprintf(stderr, "thread %d cannot be stepped\n", (int)tid);
		exit(1);
	}
	*sig = WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
}

static void steps(struct target *target, int n)
{
	struct tm_stop stop = { 0 };
	struct tally tally = { 0 };
	struct tm_err err;
	Dwfl *dwfl;
	int sig = 0;

	if (!tm_stop_all(&target->process, 2000, &stop, &err))
		die(&err);
	dwfl = oracle_open(target);
	for (int i = 0; i < n || sig; i++) {
		tm_unwinder_begin(target->unwinder, false);
		compare_thread(target, dwfl, stop.threads[0].tid, &tally);
		single_step(stop.threads[0].tid, &sig);
	}
	dwfl_end(dwfl);
	tm_stop_release(&stop);
	printf("steps: stacks %zu equal %zu main %zu\n", tally.threads, tally.equal,
	       tally.in_main);
}

/* ---- places --------------------------------------------------------------- */

static uint64_t cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t random_below(uint64_t limit)
{
	return ((uint64_t)random() << 31 ^ (uint64_t)random()) % limit;
}

static struct native_module *module_named(struct target *target,
					  const char *name)
{
	for (size_t i = 0; i < target->modules.nnow; i++)
		if (strstr(target->modules.now[i]->path, name) &&
		    native_module_read(&target->modules, target->modules.now[i]))
			return target->modules.now[i];
	fprintf(stderr, "no module %s\n", name);
	exit(1);
}

static void print_place(const struct tm_code_place *place, uint64_t offset)
{
	printf("0x%016" PRIx64 "\n", offset);
	for (size_t i = place->n; i-- > 0; ) {
		const struct tm_code_frame *frame = &place->frames[i];

		printf("%s\n%s:%u\n", frame->function ? frame->function : "??",
		       frame->filename ? frame->filename : "??", frame->lineno);
	}
}

static void places(struct target *target, const char *name, size_t n,
		   unsigned seed)
{
	struct native_module *module = module_named(target, name);
	const struct tm_image *image = &module->image;
	uint64_t *offsets = calloc(n, sizeof(*offsets)), began, took;
	struct tm_code_place *found = calloc(n, sizeof(*found));
	size_t inlined = 0;

	srandom(seed);
	for (size_t i = 0; i < n; i++)
		for (size_t s = 0; s < image->nsegments; s++)
			if (image->flags[s] & PF_X)
				offsets[i] = image->segments[s].start - image->bias +
					random_below(image->segments[s].end -
						     image->segments[s].start);
	began = cpu_ns();
	for (size_t i = 0; i < n; i++) {
		found[i] = tm_symbolize_offset(target->symbolizer, module,
					       offsets[i], false);
		inlined += found[i].n - 1;
	}
	took = cpu_ns() - began;
	for (size_t i = 0; i < n; i++)
		print_place(&found[i], offsets[i]);
	fprintf(stderr, "places: %zu of %s, %zu inlined, %.3f s CPU cold\n", n,
		module->path, inlined, (double)took / 1e9);
	free(offsets);
	free(found);
}

int main(int argc, char **argv)
{
	struct target target = { 0 };

	if (argc < 4) {
		fprintf(stderr, "usage: see the head of %s\n", __FILE__);
		return 2;
	}
	open_target(&target, atoi(argv[2]));
	if (strcmp(argv[1], "stacks") == 0)
		stacks(&target, atoi(argv[3]));
	else if (strcmp(argv[1], "steps") == 0)
		steps(&target, atoi(argv[3]));
	else if (argc > 4)
		places(&target, argv[3], strtoul(argv[4], NULL, 10),
		       argc > 5 ? (unsigned)atoi(argv[5]) : 1);
	close_target(&target);
	return 0;
}
