/* Finding the recorder in a process, and our side's resources. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "inject/private.h"
#include "mem/poke.h"

struct tm_injection *inject_open(const struct tm_process *process, struct tm_err *err)
{
	struct tm_injection *in = tm_calloc(1, sizeof(*in));

	in->process = *process;
	in->table_fd = -1;
	in->mem_fd = tm_poke_open(process->pid);
	if (in->mem_fd < 0) {
		tm_process_explain(process, errno, "cannot open its memory", err);
		tm_inject_close(in);
		return NULL;
	}
	in->mem = tm_mem_proc(process->pid, err);
	if (!in->mem) {
		tm_err_about(err, "%s", process->object);
		tm_inject_close(in);
		return NULL;
	}
	return in;
}

void tm_inject_close(struct tm_injection *in)
{
	if (!in)
		return;
	inject_quiesce_deinit(in);
	inject_forget(in);
	tm_mem_destroy(in->mem);
	tm_fd_close(&in->mem_fd);
	free(in);
}

void inject_use_table(struct tm_injection *in, int fd)
{
	in->table_fd = fd;
	in->table_mem = fd >= 0 ? inject_mem_file(fd, in->head.table) : in->mem;
}

bool inject_is_ours(const struct tm_region *region, const char *name)
{
	static const char any[] = "/memfd:tmattach-";
	char path[64];

	if (!name[0])
		return strncmp(region->path, any, strlen(any)) == 0;
	snprintf(path, sizeof(path), "/memfd:%s (deleted)", name);
	return strcmp(region->path, path) == 0;
}

bool inject_may_be_image(const struct tm_region *region)
{
	return region->path[0] == '/' && !region->offset && region->readable &&
	       region->inode && !inject_is_ours(region, "");
}

void inject_forget(struct tm_injection *in)
{
	if (in->table_mem != in->mem)
		tm_mem_destroy(in->table_mem);
	in->table_mem = NULL;
	tm_fd_close(&in->table_fd);
	in->table_fd = -1;
	in->code = in->code_inode = 0;
	in->head = (struct tm_recorder_code){ 0 };
}

/* The head of the code; the near areas have other heads. */
static bool is_head(struct tm_injection *in, const struct tm_region *region)
{
	in->code = region->start;
	in->code_inode = region->inode;
	return inject_is_ours(region, TM_RECORDER_CODE_NAME) &&
	       tm_mem_read_some(in->mem, in->code, &in->head, sizeof(in->head)) ==
		       sizeof(in->head) &&
	       in->head.magic == TM_RECORDER_CODE_MAGIC;
}

bool inject_read_head(struct tm_injection *in, const struct tm_region *region)
{
	return is_head(in, region) && in->head.version == TM_RECORDER_VERSION &&
	       in->head.nnear <= TM_RECORDER_MAX_NEAR;
}

/* The privileged way to the table's file; without it its memory is read. */
static int open_table(const struct tm_injection *in, const struct tm_region *region)
{
	char path[96];

	snprintf(path, sizeof(path), "/proc/%d/map_files/%llx-%llx",
		 (int)in->process.pid, (unsigned long long)region->start,
		 (unsigned long long)region->end);
	return open(path, O_RDWR | O_CLOEXEC);
}

/* Is what the head says about the table true? Then it is at hand. */
static bool find_table(struct tm_injection *in, const struct tm_maps *maps)
{
	const struct tm_region *region = tm_maps_find(maps, in->head.table);
	struct tm_recorder_table table;
	struct tm_err err;

	if (!region || !inject_is_ours(region, TM_RECORDER_TABLE_NAME) ||
	    region->start != in->head.table ||
	    region->end - region->start != in->head.table_size)
		return false;
	inject_use_table(in, open_table(in, region));
	return inject_peek_table(in, 0, &table, sizeof(table), &err) &&
	       inject_table_valid(&table, in->head.table_size) &&
	       table.start_time == in->process.identity.start_time;
}

enum inject_found inject_look_at(struct tm_injection *in, const struct tm_maps *maps,
				 size_t i, struct tm_err *err)
{
	struct tm_recorder_gate gate = { 0 };

	inject_forget(in);
	if (!is_head(in, &maps->regions[i]))
		return INJECT_NOTHING;
	if (in->head.version != TM_RECORDER_VERSION) {
		tm_err_set(err, TM_ERR_UNSUPPORTED, in->process.object,
			   "the recorder in it is version %u; this tmattach knows version %d",
			   in->head.version, TM_RECORDER_VERSION);
		tm_err_hint(err, "stop it with the tmattach that started it");
		return INJECT_FAILED;
	}
	if (in->head.nnear > TM_RECORDER_MAX_NEAR)
		in->head.nnear = TM_RECORDER_MAX_NEAR;
	if (!find_table(in, maps)) {
		/* A forked child: what is there now is not ours. */
		in->head.table = in->head.table_size = 0;
		return INJECT_REMAINS;
	}
	if (tm_mem_read_some(in->mem, in->head.gate, &gate, sizeof(gate)) !=
	    sizeof(gate) || !gate.enabled)
		return INJECT_REMAINS;
	return INJECT_RECORDS;
}

enum inject_found inject_find(struct tm_injection *in, struct tm_err *err)
{
	TM_GUARD(tm_maps_free) struct tm_maps maps = { 0 };
	enum inject_found found = INJECT_NOTHING;

	if (!tm_maps_read(in->process.pid, &maps, err) ||
	    !tm_remote_find_insn(in->mem, &maps, &in->insn, err)) {
		tm_err_about(err, "%s", in->process.object);
		return INJECT_FAILED;
	}
	for (size_t i = 0; i < maps.n; i++) {
		enum inject_found now = inject_look_at(in, &maps, i, err);

		if (now == INJECT_RECORDS || now == INJECT_FAILED)
			return now;
		if (now == INJECT_REMAINS)
			found = now;
	}
	inject_forget(in);
	return found;
}

struct tm_injection *tm_inject_find(const struct tm_process *process,
				    struct tm_err *err)
{
	struct tm_injection *in = inject_open(process, err);
	enum inject_found found;

	if (!in)
		return NULL;
	found = inject_find(in, err);
	if (found == INJECT_RECORDS)
		return in;
	if (found != INJECT_FAILED) {
		tm_err_set(err, TM_ERR_NOT_TRACED, process->object,
			   "no recorder is running in it");
		tm_err_hint(err, "start one: tmattach start %d", (int)process->leader);
	}
	tm_inject_close(in);
	return NULL;
}

struct tm_mem *tm_inject_table(const struct tm_injection *in, tm_addr *ret_at)
{
	*ret_at = in->head.table;
	return in->table_mem;
}

bool tm_inject_remains(pid_t pid)
{
	TM_GUARD(tm_maps_free) struct tm_maps maps = { 0 };
	struct tm_err err;

	if (!tm_maps_read(pid, &maps, &err))
		return false;
	for (size_t i = 0; i < maps.n; i++)
		if (inject_is_ours(&maps.regions[i], TM_RECORDER_CODE_NAME))
			return true;
	return false;
}
