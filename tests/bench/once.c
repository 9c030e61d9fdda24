/*
 * Runs a program, without its output, and prints how long it took from fork to
 * exit, in ms, and the peak of its memory, in KB. A small program does this
 * because the kernel counts the memory of whoever forks for what is executed then.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

int main(int argc, char **argv)
{
	const double start = now_ms();
	struct rusage used;
	pid_t pid = fork();
	int status;

	if (argc < 2 || pid < 0)
		return 2;
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		execv(argv[1], argv + 1);
		_exit(127);
	}
	if (wait4(pid, &status, 0, &used) != pid || status != 0)
		return 1;
	printf("%.3f %ld\n", now_ms() - start, used.ru_maxrss);
	return 0;
}
