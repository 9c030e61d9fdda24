/*
 * Forks at the first line of input and says the child's pid; at the second
 * the child takes 100 blocks; then both end. "seccomp": under a filter.
 * "strict": in strict mode, reading until its input ends.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void filter(void)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = { 1, &allow };

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/* Nothing but read, write and exit of a thread is allowed here. */
static void strict(void)
{
	char c;

	prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
	while (syscall(SYS_read, 0, &c, 1) > 0)
		;
	syscall(SYS_exit, 0);
}

void *blocks[100]; /* reachable: the compiler must not leave them out */

static void child(int from, int to)
{
	char c;

	if (read(from, &c, 1) == 1)
		for (int i = 0; i < 100; i++)
			blocks[i] = malloc(77);
	if (write(to, "d", 1) != 1 || read(from, &c, 1) != 0)
		_exit(1);
	_exit(0);
}

int main(int argc, char **argv)
{
	int down[2], up[2], result = 0;
	char line[64], c;
	pid_t pid;

	setvbuf(stdout, NULL, _IONBF, 0);
	if (argc > 1 && strcmp(argv[1], "seccomp") == 0)
		filter();
	if (pipe(down) || pipe(up))
		return 1;
	puts("ready");
	if (argc > 1 && strcmp(argv[1], "strict") == 0)
		strict();
	if (read(0, line, sizeof(line)) <= 0)
		return 0;
	pid = fork();
	if (pid == 0) {
		close(down[1]);
		child(down[0], up[1]);
	}
	printf("%d\n", (int)pid);
	if (read(0, line, sizeof(line)) > 0 && write(down[1], "a", 1) == 1 &&
	    read(up[0], &c, 1) == 1)
		puts("done");
	if (read(0, line, sizeof(line)) > 0)
		puts("end");
	close(down[1]);
	return pid < 0 || waitpid(pid, &result, 0) != pid || result;
}
