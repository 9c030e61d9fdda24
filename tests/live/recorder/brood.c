/*
 * A program that forks all the time, and whose children look for what they
 * should not have got.
 *
 *	brood
 *
 * Says "ready", and at the end of standard input "ok CHILDREN", or how many of
 * them had a descriptor of tmattach's or the recorder's table.
 */
#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int has_descriptor(void)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	char target[256];
	int found = 0;

	while (dir && (entry = readdir(dir))) {
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);

		target[n > 0 ? n : 0] = '\0';
		found |= strstr(target, "tmattach-") != NULL;
	}
	if (dir)
		closedir(dir);
	return found;
}

static int has_table(void)
{
	FILE *file = fopen("/proc/self/maps", "r");
	char line[512];
	int found = 0;

	while (file && fgets(line, sizeof(line), file))
		found |= strstr(line, "tmattach-table") != NULL;
	if (file)
		fclose(file);
	return found;
}

/* One that can be borrowed while the other forks. */
static void *wait_for_ever(void *arg)
{
	for (;;)
		pause();
	return arg;
}

int main(void)
{
	pthread_t thread;
	struct pollfd in = { .fd = 0, .events = POLLIN };
	long children = 0, bad = 0;

	if (pthread_create(&thread, NULL, wait_for_ever, NULL) != 0)
		return 2;
	puts("ready");
	fflush(stdout);
	while (poll(&in, 1, 0) == 0) {
		int status = 0;
		pid_t child = fork();

		if (child == 0)
			_exit(has_descriptor() || has_table());
		if (child < 0 || waitpid(child, &status, 0) != child)
			return 2;
		children++;
		bad += status != 0;
	}
	printf("%s %ld\n", bad ? "bad" : "ok", bad ? bad : children);
	return bad != 0;
}
