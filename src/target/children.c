#include "target/children.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/guard.h"

void tm_children_add(pid_t pid, struct tm_pids *list)
{
	TM_GUARD(tm_dir_close) DIR *dir = NULL;
	struct dirent *entry;
	char path[96];

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		TM_GUARD(tm_file_close) FILE *file = NULL;
		int child;

		snprintf(path, sizeof(path), "/proc/%d/task/%.20s/children",
			 (int)pid, entry->d_name);
		if (entry->d_name[0] == '.' || !(file = fopen(path, "re")))
			continue;
		while (fscanf(file, "%d", &child) == 1) {
			list->items = tm_grow(list->items, &list->cap, list->n + 1,
					      sizeof(*list->items));
			list->items[list->n++] = child;
		}
	}
}

void tm_pids_free(struct tm_pids *list)
{
	free(list->items);
	*list = (struct tm_pids){ 0 };
}
