/*
 * Writing into a process. pwrite() is ours here: it may write a few bytes only,
 * be interrupted, or refuse pages as a kernel does that respects their
 * protection (proc_mem.force_override=never).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mem/poke.h"

static size_t at_most = SIZE_MAX;
static bool interrupts, refuses;
static unsigned writes;

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
	writes++;
	if (refuses) {
		errno = EIO;
		return -1;
	}
	if (interrupts && writes % 2) {
		errno = EINTR;
		return -1;
	}
	return syscall(SYS_pwrite64, fd, bytes, len < at_most ? len : at_most, at);
}

struct victim {
	pid_t pid;
	char *code; /* two pages that may not be written; ours are copies */
};

static int begin(void **state)
{
	struct victim *victim = calloc(1, sizeof(*victim));
	int status;

	victim->code = mmap(NULL, 2 * TM_PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(victim->code, '.', 2 * TM_PAGE);
	mprotect(victim->code, 2 * TM_PAGE, PROT_READ | PROT_EXEC);
	victim->pid = fork();
	if (victim->pid == 0)
		for (;;)
			pause();
	at_most = SIZE_MAX;
	interrupts = refuses = false;
	writes = 0;
	*state = victim;
	return ptrace(PTRACE_SEIZE, victim->pid, NULL, PTRACE_O_EXITKILL) == 0 &&
	       ptrace(PTRACE_INTERRUPT, victim->pid, NULL, NULL) == 0 &&
	       waitpid(victim->pid, &status, __WALL) == victim->pid ? 0 : -1;
}

static int end(void **state)
{
	struct victim *victim = *state;

	kill(victim->pid, SIGKILL);
	waitpid(victim->pid, NULL, __WALL);
	munmap(victim->code, 2 * TM_PAGE);
	free(victim);
	return 0;
}

/* Its pages hold `text` at this offset, and dots everywhere else. */
static void assert_holds(const struct victim *victim, size_t offset, const char *text)
{
	char want[2 * TM_PAGE], got[sizeof(want)];
	struct tm_err err;
	struct tm_mem *mem = tm_mem_proc(victim->pid, &err);

	memset(want, '.', sizeof(want));
	memcpy(want + offset, text, strlen(text));
	assert_true(tm_mem_read(mem, (uintptr_t)victim->code, got, sizeof(got), &err));
	assert_memory_equal(got, want, sizeof(want));
	tm_mem_destroy(mem);
}

static bool poke(const struct victim *victim, pid_t stopped, size_t offset, const char *text)
{
	return tm_poke_once(victim->pid, stopped, (uintptr_t)victim->code + offset, text,
			    strlen(text));
}

static void short_and_interrupted_writes_go_on(void **state)
{
	const struct victim *victim = *state;

	at_most = 3;
	interrupts = true;
	assert_true(poke(victim, 0, TM_PAGE - 5, "across the end"));
	assert_int_equal(writes, 10); /* 5 of up to 3 bytes */
	assert_holds(victim, TM_PAGE - 5, "across the end");
}

static void a_refusing_kernel_is_passed_word_by_word(void **state)
{
	static const char text[] = "seventeen letters";
	const struct victim *victim = *state;
	char blank[sizeof(text)];

	refuses = true;
	memset(blank, '.', sizeof(blank));
	blank[sizeof(blank) - 1] = '\0';
	for (size_t from = 0; from < 9; from++)
		for (size_t len = 0; len < sizeof(text); len++) {
			const size_t at = TM_PAGE - 12 + from;

			assert_true(poke(victim, victim->pid, at, text + sizeof(text) - 1 - len));
			assert_holds(victim, at, text + sizeof(text) - 1 - len);
			assert_true(poke(victim, victim->pid, at, blank + sizeof(blank) - 1 - len));
		}
	assert_true(poke(victim, victim->pid, 0, "x"));
	assert_true(poke(victim, victim->pid, 0, "."));
	assert_true(poke(victim, victim->pid, 2 * TM_PAGE - 3, "end"));
	assert_holds(victim, 2 * TM_PAGE - 3, "end");
}

/* Its reason is the first one, and nothing is half written. */
static void without_a_stopped_thread_it_fails(void **state)
{
	const struct victim *victim = *state;

	refuses = true;
	assert_false(poke(victim, 0, 8, "not"));
	assert_int_equal(errno, EIO);
	assert_holds(victim, 0, "");
	assert_false(tm_poke_once(victim->pid, victim->pid, 16, "nowhere", 7));
	assert_int_equal(errno, EIO);
}

static void a_descriptor_that_may_only_read_is_passed_too(void **state)
{
	const struct victim *victim = *state;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_false(tm_poke(fd, 0, (uintptr_t)victim->code, "x", 1));
	assert_int_equal(errno, EBADF);
	assert_true(tm_poke(fd, victim->pid, (uintptr_t)victim->code, "x", 1));
	assert_true(tm_poke(-1, victim->pid, (uintptr_t)victim->code + 1, "y", 1));
	assert_holds(victim, 0, "xy");
	close(fd);
}

static void what_has_ended_is_gone(void **state)
{
	struct victim *victim = *state;
	int fd = tm_poke_open(victim->pid);

	assert_true(fd >= 0);
	kill(victim->pid, SIGKILL);
	waitpid(victim->pid, NULL, __WALL);
	assert_false(tm_poke(fd, 0, (uintptr_t)victim->code, "x", 1));
	assert_int_equal(errno, ESRCH);
	assert_int_equal(tm_poke_open(victim->pid), -1);
	assert_int_equal(errno, ENOENT);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(short_and_interrupted_writes_go_on, begin, end),
		cmocka_unit_test_setup_teardown(a_refusing_kernel_is_passed_word_by_word,
						begin, end),
		cmocka_unit_test_setup_teardown(without_a_stopped_thread_it_fails, begin, end),
		cmocka_unit_test_setup_teardown(a_descriptor_that_may_only_read_is_passed_too,
						begin, end),
		cmocka_unit_test_setup_teardown(what_has_ended_is_gone, begin, end),
	};

	return cmocka_run_group_tests_name("mem_poke", tests, NULL, NULL);
}
