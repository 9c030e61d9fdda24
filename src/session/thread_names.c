#include "session/thread_names.h"

#include <stdio.h>
#include <string.h>


/* The thread pointer in its place of the table; 0: it has none any more. */
static tm_addr pointer_of(const struct tm_recorder_copy *copy, uint32_t serial)
{
	for (size_t i = 0; i < TM_RECORDER_THREADS; i++)
		if (copy->serials[i] == serial)
			return copy->threads[i].owner;
	return 0;
}

static void read_comm(pid_t pid, pid_t tid, char *ret, size_t size)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/comm", (int)pid, (int)tid);
	file = fopen(path, "re");
	if (!file || !fgets(ret, (int)size, file))
		snprintf(ret, size, "thread");
	ret[strcspn(ret, "\n")] = '\0';
	if (file)
		fclose(file);
}

static bool thread_name(void *ctx, uint32_t serial, char ret[TM_THREAD_NAME_SIZE])
{
	const struct tm_thread_names *names = ctx;
	const tm_addr pointer = pointer_of(names->copy, serial);
	char comm[32];

	for (size_t i = 0; pointer && i < names->n; i++) {
		if (names->threads[i].pointer != pointer)
			continue;
		read_comm(names->pid, names->threads[i].tid, comm, sizeof(comm));
		snprintf(ret, TM_THREAD_NAME_SIZE, "%s (%d)", comm, (int)names->threads[i].tid);
		return true;
	}
	snprintf(ret, TM_THREAD_NAME_SIZE, "thread %u (ended)", serial);
	return true;
}

bool tm_thread_names(const struct tm_thread_names *names, struct tm_frame_source *source)
{
	source->thread = thread_name;
	source->thread_ctx = (void *)names;
	return true;
}
