#include "session/thread_state.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "target/stat.h"

static bool read_state(pid_t pid, pid_t tid, struct thread_state *ret)
{
	struct target_stat stat;

	if (!target_stat_read_thread(pid, tid, &stat))
		return false;
	*ret = (struct thread_state){ .tid = tid, .state = stat.state };
	memcpy(ret->name, stat.name, sizeof(ret->name));
	return true;
}

void thread_states_read(struct thread_states *ret, pid_t pid)
{
	TM_GUARD(tm_dir_close) DIR *dir = NULL;
	struct dirent *entry;
	char path[64];

	ret->n = 0;
	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		pid_t tid = (pid_t)atoi(entry->d_name);

		if (tid <= 0)
			continue;
		ret->items = tm_grow(ret->items, &ret->cap, ret->n + 1,
				     sizeof(*ret->items));
		if (read_state(pid, tid, &ret->items[ret->n]))
			ret->n++;
	}
}

void thread_states_free(struct thread_states *states)
{
	free(states->items);
	*states = (struct thread_states){ 0 };
}

const struct thread_state *thread_states_find(const struct thread_states *states,
					      pid_t tid)
{
	for (size_t i = 0; i < states->n; i++)
		if (states->items[i].tid == tid)
			return &states->items[i];
	return NULL;
}
