/*
 * A program that Python is only a part of, as database servers and chat
 * clients have it: its own loop waits with the GIL held.
 *
 *	embed LIBPYTHON [thread|beside]
 *
 * Reads lines of Python on stdin, executes each and answers "done"; between
 * them it waits in poll(). `thread`: Python is set up by a thread that has
 * ended; the loop takes the GIL for each line only. `beside`: there is a thread that
 * was there before Python was loaded and never uses it. The library is loaded, not linked:
 * one program for all versions.
 */
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *python;

static void *function(const char *name)
{
	void *found = dlsym(python, name);

	if (!found) {
		fprintf(stderr, "embed: no %s()\n", name);
		exit(2);
	}
	return found;
}

static void *set_up(void *release)
{
	void (*initialize)(int) = (void (*)(int))function("Py_InitializeEx");
	void *(*save)(void) = (void *(*)(void))function("PyEval_SaveThread");

	initialize(0);
	if (release)
		save();
	return NULL;
}

static void *wait_for_good(void *nothing)
{
	(void)nothing;
	for (;;)
		pause();
	return NULL;
}

static int execute(const char *line, int take)
{
	int (*run)(const char *) = (int (*)(const char *))function("PyRun_SimpleString");
	int (*ensure)(void) = (int (*)(void))function("PyGILState_Ensure");
	void (*release)(int) = (void (*)(int))function("PyGILState_Release");
	int gil = take ? ensure() : 0;
	int failed = run(line);

	if (take)
		release(gil);
	return failed;
}

/* A line, one byte at a time: poll() must see what is left. */
static int read_line(char *line, size_t size)
{
	size_t n = 0;

	while (n + 1 < size && read(0, line + n, 1) == 1 && line[n] != '\n')
		n++;
	line[n] = '\0';
	return n > 0;
}

int main(int argc, char **argv)
{
	struct pollfd input = { .fd = 0, .events = POLLIN };
	int thread = argc > 2 && strcmp(argv[2], "thread") == 0;
	int beside = argc > 2 && strcmp(argv[2], "beside") == 0;
	pthread_t creator, other;
	char line[4096];

	if (beside && pthread_create(&other, NULL, wait_for_good, NULL) != 0)
		return 2;
	python = argc > 1 ? dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL) : NULL;
	if (!python) {
		fprintf(stderr, "embed: %s\n", argc > 1 ? dlerror() : "no library");
		return 2;
	}
	if (thread && pthread_create(&creator, NULL, set_up, python) == 0)
		pthread_join(creator, NULL);
	else
		set_up(NULL);
	puts("ready");
	for (;;) {
		fflush(stdout);
		if (poll(&input, 1, -1) < 0) {
			printf("disturbed: %s\n", strerror(errno));
			continue;
		}
		if (!read_line(line, sizeof(line)))
			break;
		puts(execute(line, thread) ? "failed" : "done");
	}
	return 0;
}
