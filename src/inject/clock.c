/*
 * The clock by which the recorder tells how old blocks are: the one that the kernel puts
 * into every process, in the vDSO. The recorder makes no system call, so neither must
 * that function: it is tried here, where one would be fatal, and used in targets that
 * have the same code.
 */
#include "inject/clock.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/guard.h"
#include "base/log.h"

enum { MAX_VDSO = 1 << 16 };

typedef int clock_function(clockid_t clock, struct timespec *ret);

static clock_function *function_at(uint64_t at)
{
	union {
		uint64_t at;
		clock_function *function;
	} pun = { at };

	return pun.function;
}

/* From here on a system call other than exit ends this process, and leaves no core. */
static bool forbid_calls(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 &&
	       prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/* In a child that nobody hears of when it ends; with 0, should we have been killed and
 * it be another's by then. */
static bool makes_no_call(uint64_t at)
{
	struct timespec now = { .tv_nsec = -1 };
	int status = 0;
	const pid_t child = (pid_t)syscall(SYS_clone, 0, NULL, NULL, NULL, 0);

	if (child == 0) {
		const bool ok = forbid_calls() && function_at(at)(CLOCK_MONOTONIC_COARSE, &now) == 0 &&
				now.tv_nsec >= 0;

		syscall(SYS_exit, ok ? 0 : 1);
	}
	while (child > 0 && waitpid(child, &status, __WALL) < 0 && errno == EINTR)
		;
	return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Our own, tried once. */
static bool is_proved(uint64_t at)
{
	enum { UNKNOWN, YES, NO };
	static int known;
	int now = __atomic_load_n(&known, __ATOMIC_RELAXED);

	if (now == UNKNOWN) {
		now = makes_no_call(at) ? YES : NO;
		__atomic_store_n(&known, now, __ATOMIC_RELAXED);
	}
	return now == YES;
}

static bool is_ours_too(struct tm_injection *in, const struct tm_region *region, uint64_t ours)
{
	const size_t len = region->end - region->start;
	TM_GUARD(tm_free_ptr) char *bytes = NULL;

	if (!ours || len > MAX_VDSO)
		return false;
	bytes = tm_malloc(len);
	return tm_mem_read_some(in->mem, region->start, bytes, len) == len &&
	       memcmp(bytes, (const void *)ours, len) == 0;
}

static const struct tm_region *find_vdso(const struct tm_maps *maps)
{
	for (size_t i = 0; i < maps->n; i++)
		if (strcmp(maps->regions[i].path, "[vdso]") == 0)
			return &maps->regions[i];
	return NULL;
}

tm_addr inject_clock(struct tm_injection *in, const struct tm_maps *maps)
{
	TM_GUARD(tm_image_free) struct tm_image image = { 0 };
	const struct tm_region *region = find_vdso(maps);
	const uint64_t ours = getauxval(AT_SYSINFO_EHDR);
	struct tm_symbol function;
	struct tm_err err;

	if (region && is_ours_too(in, region, ours) &&
	    tm_image_read(in->mem, region, &image, &err) &&
	    tm_image_dynsym(&image, TM_VDSO_CLOCK, &function) &&
	    tm_image_holds(&image, function.address, PF_X) &&
	    is_proved(function.address - region->start + ours))
		return function.address;
	tm_log("blocks have no age: no clock is known that needs no system call");
	return 0;
}
