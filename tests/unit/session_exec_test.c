/* A process in the middle of an exec: a thread has called it, and one of the others, which
 * have to end first, is held back by the test. Its main thread is a zombie meanwhile. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "target/process.h"
#include "tmattach/process.h"

enum { LIMIT_MS = 20000 };

static struct {
	pid_t pid, held;       /* 0: none; the thread that is held back */
	int orders, says;      /* pipes */
	bool at_sleep, at_maps; /* when the exec goes on */
} target;

/* ---- the target ------------------------------------------------------------------ */

static void *wait_for_end(void *arg)
{
	pid_t tid = (pid_t)syscall(SYS_gettid);

	if (write(STDOUT_FILENO, &tid, sizeof(tid)) == sizeof(tid))
		for (;;)
			pause();
	return arg;
}

static void *exec_when_told(void *arg)
{
	char order;

	if (read(STDIN_FILENO, &order, 1) == 1)
		execl("/proc/self/exe", "new", "new", (char *)NULL);
	_exit(1);
	return arg;
}

static int play_target(const char *role)
{
	const pid_t new_program = 0;
	pthread_t thread;
	char order;

	if (strcmp(role, "new") == 0)
		return write(STDOUT_FILENO, &new_program, sizeof(new_program)) < 0 ||
		       read(STDIN_FILENO, &order, 1) != 0;
	pthread_create(&thread, NULL, wait_for_end, NULL);
	pthread_create(&thread, NULL, exec_when_told, NULL);
	for (;;)
		pause();
}

/* ---- the test's hold on it --------------------------------------------------------- */

static pid_t said(void)
{
	struct pollfd fd = { .fd = target.says, .events = POLLIN };
	pid_t ret = -1;

	assert_int_equal(poll(&fd, 1, LIMIT_MS), 1);
	assert_int_equal(read(target.says, &ret, sizeof(ret)), sizeof(ret));
	return ret;
}

static void let_exec_go_on(void)
{
	target.at_sleep = target.at_maps = false;
	assert_int_equal(ptrace(PTRACE_DETACH, target.held, NULL, NULL), 0);
	assert_int_equal(said(), 0);
}

int nanosleep(const struct timespec *wanted, struct timespec *left)
{
	if (target.at_sleep)
		let_exec_go_on();
	return (int)syscall(SYS_nanosleep, wanted, left);
}

int open(const char *path, int flags, ...)
{
	const size_t len = strlen(path);

	if (target.at_maps && len > 5 && strcmp(path + len - 5, "/maps") == 0)
		let_exec_go_on();
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, 0600);
}

static int start(void **state)
{
	int orders[2], says[2];

	(void)state;
	assert_int_equal(pipe2(orders, O_CLOEXEC) | pipe2(says, O_CLOEXEC), 0);
	target.pid = fork();
	if (target.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(orders[0], STDIN_FILENO);
		dup2(says[1], STDOUT_FILENO);
		execl("/proc/self/exe", "old", "old", (char *)NULL);
		_exit(1);
	}
	close(orders[0]);
	close(says[1]);
	target.orders = orders[1];
	target.says = says[0];
	target.held = said();
	return 0;
}

static int end(void **state)
{
	(void)state;
	close(target.orders);
	close(target.says);
	ptrace(PTRACE_DETACH, target.held, NULL, NULL); /* where the exec has not gone on */
	kill(target.pid, SIGKILL);
	waitpid(target.pid, NULL, 0);
	target.at_sleep = target.at_maps = false;
	return 0;
}

static void begin_exec(void)
{
	const uint64_t until = tm_now_ms() + LIMIT_MS;
	int status;

	assert_int_equal(ptrace(PTRACE_SEIZE, target.held, NULL, PTRACE_O_TRACEEXIT), 0);
	assert_int_equal(write(target.orders, "x", 1), 1);
	assert_int_equal(waitpid(target.held, &status, __WALL), target.held);
	assert_int_equal(status >> 8, SIGTRAP | PTRACE_EVENT_EXIT << 8);
	while (tm_process_state(target.pid, target.pid) != 'Z')
		assert_true(tm_now_ms() < until);
}

static struct tm_session *opened(void)
{
	const struct tm_session_opts opts = { .allow_any = true };
	struct tm_err err = { 0 };
	struct tm_session *session = tm_session_open(target.pid, &opts, &err);

	if (!session)
		fail_msg("%s: %s", err.object, err.cause);
	return session;
}

/* ---- tests ----------------------------------------------------------------------------- */

static void the_end_of_an_exec_is_waited_for(void **state)
{
	struct tm_session *session = opened();

	(void)state;
	begin_exec();
	target.at_sleep = true;
	assert_true(tm_session_replaced(session));
	assert_false(target.at_sleep);
	tm_session_close(session);
}

static void one_that_was_opened_in_it_is_replaced(void **state)
{
	struct tm_session *session;

	(void)state;
	begin_exec();
	session = opened();
	let_exec_go_on();
	assert_true(tm_session_replaced(session));
	tm_session_close(session);
}

static void what_an_exec_takes_away_is_opened_again(void **state)
{
	struct tm_session *session;

	(void)state;
	begin_exec();
	target.at_maps = true;
	session = opened();
	assert_false(target.at_maps);
	assert_string_equal(tm_session_command(session), "new new");
	tm_session_close(session);
}

static void a_zombie_is_not_waited_for(void **state)
{
	struct tm_session *session = opened();
	siginfo_t info;

	(void)state;
	kill(target.pid, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)target.pid, &info, WEXITED | WNOWAIT), 0);
	target.at_sleep = true; /* would fail: nothing is held */
	assert_false(tm_session_replaced(session));
	assert_true(target.at_sleep);
	target.at_sleep = false;
	tm_session_close(session);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_end_of_an_exec_is_waited_for, start, end),
		cmocka_unit_test_setup_teardown(one_that_was_opened_in_it_is_replaced, start, end),
		cmocka_unit_test_setup_teardown(what_an_exec_takes_away_is_opened_again, start, end),
		cmocka_unit_test_setup_teardown(a_zombie_is_not_waited_for, start, end),
	};

	return argc > 1 ? play_target(argv[1])
			: cmocka_run_group_tests(tests, NULL, NULL);
}
