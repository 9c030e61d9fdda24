/*
 * Loads a Python when it runs, as the starters of frozen applications do:
 *
 *	launch_embed LIBPYTHON plain|ignore|thread|starter|forker CODE
 *
 * With all but "plain" its environment is ignored; with "thread" it has its whole
 * life on a thread that is not the main one. "starter" and "forker" run it in a
 * child, which the former executes anew, and run something else before.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void *python;
static char **words;
static int failed;

static void *function(const char *name)
{
	void *found = dlsym(python, name);

	if (!found) {
		fprintf(stderr, "%s\n", dlerror());
		exit(2);
	}
	return found;
}

static void *live(void *unused)
{
	if (strcmp(words[2], "plain") != 0)
		*(int *)function("Py_IgnoreEnvironmentFlag") = 1;
	((void (*)(int))function("Py_InitializeEx"))(1);
	failed = ((int (*)(const char *))function("PyRun_SimpleString"))(words[3]);
	failed |= ((int (*)(void))function("Py_FinalizeEx"))();
	return unused;
}

/* True in the process that goes on. */
static int is_child(char **argv, const char *how)
{
	int status = 0;
	pid_t child;

	if (system("true") != 0)
		exit(2);
	child = fork();
	if (child == 0 && strcmp(how, "starter") == 0) {
		argv[2] = "ignore";
		execv("/proc/self/exe", argv);
	}
	if (child == 0)
		return 1;
	waitpid(child, &status, 0);
	failed = status;
	return 0;
}

int main(int argc, char **argv)
{
	pthread_t thread;

	if (argc == 4 && (strcmp(argv[2], "starter") == 0 || strcmp(argv[2], "forker") == 0) &&
	    !is_child(argv, argv[2]))
		return failed != 0;
	if (argc != 4 || !(python = dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL))) {
		fprintf(stderr, "%s\n", argc == 4 ? dlerror() : "launch_embed LIBPYTHON HOW CODE");
		return 2;
	}
	words = argv;
	if (strcmp(argv[2], "thread") != 0)
		live(NULL);
	else if (pthread_create(&thread, NULL, live, NULL) != 0 || pthread_join(thread, NULL) != 0)
		return 2;
	return failed != 0;
}
