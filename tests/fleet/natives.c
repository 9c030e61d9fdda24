/*
 * A server without Python: forks a worker for each line "fork", one that then
 * executes this program anew for "exec", until its input ends. A worker keeps
 * ten blocks for each byte that it reads from its pipe.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WORKERS = 16 };

static void *volatile kept;

static void work(int in)
{
	char byte;

	while (read(in, &byte, 1) == 1) {
		for (int i = 0; i < 10; i++)
			kept = malloc(1000 + (size_t)i);
		printf("kept %d\n", (int)getpid());
		fflush(stdout);
	}
	_exit(0);
}

static int worker(char *self, int exec)
{
	int ends[2];
	char in[16];
	pid_t pid;

	if (pipe(ends) != 0 || (pid = fork()) < 0)
		exit(1);
	if (pid > 0) {
		close(ends[0]);
		printf("worker %d\n", (int)pid);
		fflush(stdout);
		if (exec)
			(void)!write(ends[1], "", 1);
		return ends[1];
	}
	close(ends[1]);
	snprintf(in, sizeof(in), "%d", ends[0]);
	if (exec && read(ends[0], in + sizeof(in) - 1, 1) == 1) /* after "worker" */
		execl(self, self, in, (char *)NULL);
	work(ends[0]);
	return -1;
}

int main(int argc, char **argv)
{
	int workers[WORKERS], n = 0;
	char line[16];

	if (argc > 1) {
		printf("execed\n");
		fflush(stdout);
		work(atoi(argv[1]));
	}
	printf("ready\n");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		if (line[0] == 'k')
			for (int i = 0; i < n; i++)
				(void)!write(workers[i], "", 1);
		else if (n < WORKERS)
			workers[n++] = worker(argv[0], line[0] == 'e');
	}
	return 0;
}
