#include "cli/stack.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <ucontext.h>
#include <unistd.h>

enum { ENOUGH = 1 << 20, OURS = 8 << 20 };

/* What the entry of a context cannot be given: its arguments are ints. */
static struct {
	int (*run)(int argc, char **argv);
	int argc;
	char **argv;
	int status;
	ucontext_t here, there;
} call;

static void enter(void)
{
	call.status = call.run(call.argc, call.argv);
}

static bool is_small(void)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur < ENOUGH;
}

/* With an unmapped page below: pages are allocated when they are used. */
static void *map_stack(void)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *at = mmap(NULL, OURS, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);

	if (at == MAP_FAILED)
		return NULL;
	mprotect(at, page, PROT_NONE);
	return at;
}

/* By default they have what RLIMIT_STACK says. */
static void give_threads_more(void)
{
	pthread_attr_t attr;

	if (pthread_attr_init(&attr) != 0)
		return;
	if (pthread_attr_setstacksize(&attr, OURS) == 0)
		pthread_setattr_default_np(&attr);
	pthread_attr_destroy(&attr);
}

int cli_with_stack(int (*run)(int argc, char **argv), int argc, char **argv)
{
	void *stack;

	if (!is_small() || !(stack = map_stack()) || getcontext(&call.there) != 0)
		return run(argc, argv);
	give_threads_more();
	call.run = run;
	call.argc = argc;
	call.argv = argv;
	call.there.uc_stack = (stack_t){ .ss_sp = stack, .ss_size = OURS };
	call.there.uc_link = &call.here;
	makecontext(&call.there, enter, 0);
	return swapcontext(&call.here, &call.there) == 0 ? call.status : run(argc, argv);
}
