#include "tmattach/core.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "base/log.h"
#include "image/image_file.h"
#include "mem/core_file.h"
#include "session/core_maps.h"
#include "session/core_recorder.h"
#include "session/meta.h"
#include "target/maps.h"
#include "trace/tracemalloc.h"

struct tm_core {
	struct tm_core_opts opts;
	char *path;
	struct tm_core_file file;
	struct tm_mem *mem;
	struct tm_maps maps;
	struct py_runtime runtime;
	struct core_recorder *recorder; /* NULL: CPython's own traces */
	int *fds;               /* the mapped files that were found */
	size_t nfds, fds_cap;
	char lacking[256];      /* the first image whose file is not there */
};

bool tm_core_is(const void *head, size_t len)
{
	return tm_core_sniff(head, len);
}

static void note(const struct tm_core *core, const char *text)
{
	if (core->opts.note)
		core->opts.note(core->opts.note_ctx, text);
}

/* ---- files ----------------------------------------------------------------- */

static bool is_exe(const struct tm_core *core, const char *path)
{
	const struct tm_region *region =
		tm_maps_find(&core->maps, core->file.exe_phdr);

	return region && strcmp(region->path, path) == 0;
}

static bool is_elf(int fd)
{
	char magic[SELFMAG];

	return pread(fd, magic, SELFMAG, 0) == SELFMAG &&
	       memcmp(magic, ELFMAG, SELFMAG) == 0;
}

/* The file that was mapped at `region`, or -1: not there, or another one. */
static int open_mapped(struct tm_core *core, const struct tm_region *region,
		       const char *path)
{
	TM_GUARD(tm_image_free) struct tm_image image = { 0 };
	TM_GUARD(tm_fd_close) int fd = -1;
	struct tm_err err;

	/* O_NONBLOCK: the path may lead to a FIFO now. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || !is_elf(fd))
		return -1;
	/* Without a build-id in the core there is nothing to compare; whatever
	 * is then found in the memory has to prove itself. */
	if (tm_image_read(core->mem, region, &image, &err) &&
	    image.build_id_len > 0 && !tm_image_file_has_build_id(fd, &image)) {
		tm_log("%s is not the file that was mapped", path);
		return -1;
	}
	return tm_fd_take(&fd);
}

static void keep_fd(struct tm_core *core, const char *path, int fd)
{
	core->fds = tm_grow(core->fds, &core->fds_cap, core->nfds + 1,
			    sizeof(*core->fds));
	core->fds[core->nfds++] = fd;
	tm_core_back(&core->file, path, fd);
}

static bool wrong_exe(const struct tm_core *core, const char *path,
		      struct tm_err *err)
{
	if (access(core->opts.exe, R_OK) != 0)
		return tm_err_os(err, errno, core->opts.exe, "cannot be read");
	tm_err_set(err, TM_ERR_USAGE, core->opts.exe,
		   "is not the executable of %s", core->path);
	return tm_err_hint(err, "the process ran a file that was called %s and "
			   "had another build-id", path);
}

/* A file is looked at where its ELF header is mapped, once. */
static bool find_files(struct tm_core *core, struct tm_err *err)
{
	bool exe_used = false;

	for (size_t i = 0; i < core->maps.n; i++) {
		const struct tm_region *region = &core->maps.regions[i];
		bool exe = core->opts.exe && is_exe(core, region->path);
		int fd;

		if (region->path[0] != '/' || region->offset != 0 ||
		    (exe && exe_used))
			continue;
		exe_used |= exe;
		fd = open_mapped(core, region, exe ? core->opts.exe : region->path);
		if (fd >= 0)
			keep_fd(core, region->path, fd);
		else if (exe)
			return wrong_exe(core, region->path, err);
		else if (!core->lacking[0] && (is_exe(core, region->path) ||
					       strstr(region->path, "python")))
			snprintf(core->lacking, sizeof(core->lacking), "%s",
				 region->path);
	}
	return true;
}

/* ---- opening --------------------------------------------------------------- */

/* What a lower room said, with what may explain it. Returns false. */
static bool explain(const struct tm_core *core, struct tm_err *err)
{
	if (!strstr(err->object, core->path)) {
		char object[sizeof(err->object)];

		snprintf(object, sizeof(object), "%.150s%s%.150s", core->path,
			 err->object[0] ? ", " : "", err->object);
		tm_err_about(err, "%s", object);
	}
	if (err->kind == TM_ERR_USAGE || err->kind == TM_ERR_NOT_TRACED)
		return false;
	if (core->file.truncated)
		tm_err_hint(err, "the core file is cut short: see ulimit -c");
	else if (core->lacking[0] && !err->hint[0])
		tm_err_hint(err, "%s is not here, or is not the file that was "
			    "mapped (its build-id differs); name the executable "
			    "with --exe", core->lacking);
	return false;
}

/* Variables must come from the core: in files stand their initial values. */
static bool check_roots(const struct tm_core *core, struct tm_err *err)
{
	const struct py_roots *roots = &core->runtime.roots;

	if (tm_core_holds(&core->file, roots->tracing) &&
	    tm_core_holds(&core->file, roots->traces) &&
	    tm_core_holds(&core->file, roots->traced) &&
	    tm_core_holds(&core->file, roots->lock))
		return true;
	return tm_err_set(err, TM_ERR_UNSUPPORTED, core->path,
			  "the variables of %s were not written to the core "
			  "(coredump_filter)", core->runtime.name);
}

static bool find_recorder(struct tm_core *core, struct tm_err *err)
{
	const struct tm_region *exe =
		tm_maps_find(&core->maps, core->file.exe_phdr);
	const struct core_recorder_place place = {
		.file = &core->file, .mem = core->mem, .maps = &core->maps,
		.object = core->path,
		.exe = exe ? core->opts.exe : NULL,
		.exe_was = exe ? exe->path : NULL,
	};

	core->recorder = core_recorder_find(&place, err);
	return core->recorder != NULL;
}

/* CPython's tables, or the recorder's where they are asked for or it is no
 * CPython. */
static bool find_runtime(struct tm_core *core, struct tm_err *err)
{
	struct tm_err none;

	if (py_runtime_find(core->mem, &core->maps, 0, &core->runtime, err))
		return core->opts.use_recorder ? find_recorder(core, err)
					       : check_roots(core, err);
	if (err->kind != TM_ERR_UNSUPPORTED && err->kind != TM_ERR_CORRUPT &&
	    !core->opts.use_recorder)
		return false;
	core->runtime = (struct py_runtime){ 0 };
	if (find_recorder(core, &none))
		return true;
	/* What is the matter with the recorder, if there was one. */
	if (none.kind != TM_ERR_NOT_TRACED || core->opts.use_recorder)
		*err = none;
	else if (!core->lacking[0])
		tm_err_hint(err, "the process had no recorder in it, either");
	return false;
}

static bool open_core(struct tm_core *core, struct tm_err *err)
{
	if (!tm_core_file_open(core->path, &core->file, err))
		return false;
	core->mem = tm_mem_core(&core->file);
	tm_core_maps(&core->file, &core->maps);
	return find_files(core, err) && find_runtime(core, err);
}

struct tm_core *tm_core_open(const char *path, const struct tm_core_opts *opts,
			     struct tm_err *err)
{
	struct tm_core *core = tm_calloc(1, sizeof(*core));

	if (opts)
		core->opts = *opts;
	core->path = tm_strdup(path);
	core->file.fd = -1;
	if (open_core(core, err))
		return core;
	explain(core, err);
	tm_core_close(core);
	return NULL;
}

void tm_core_close(struct tm_core *core)
{
	if (!core)
		return;
	core_recorder_close(core->recorder);
	tm_mem_destroy(core->mem);
	tm_maps_free(&core->maps);
	for (size_t i = 0; i < core->nfds; i++)
		close(core->fds[i]);
	free(core->fds);
	tm_core_file_close(&core->file);
	free(core->path);
	free(core);
}

pid_t tm_core_pid(const struct tm_core *core)
{
	return core->file.pid;
}

const char *tm_core_command(const struct tm_core *core)
{
	return core->file.command;
}

/* ---- reading --------------------------------------------------------------- */

/* A table is read as a whole: so is its sum. */
static bool recorder_status(struct tm_core *core, struct tm_status *ret,
			    struct tm_err *err)
{
	struct tm_snapshot *snapshot = tm_core_snapshot(core, err);

	if (!snapshot)
		return false;
	*ret = (struct tm_status){
		.kind = TM_RUNTIME_NATIVE, .tracing = TM_TRACING_ON,
		.traceback_limit = snapshot->meta.traceback_limit,
		.traced_current = snapshot->meta.traced_current,
		.traced_peak = snapshot->meta.traced_peak,
		.ntraces = snapshot->total_count,
	};
	memcpy(ret->runtime, snapshot->meta.runtime, sizeof(ret->runtime));
	tm_snapshot_destroy(snapshot);
	return true;
}

bool tm_core_status(struct tm_core *core, struct tm_status *ret,
		    struct tm_err *err)
{
	if (core->recorder)
		return recorder_status(core, ret, err);
	return tm_status_read(core->mem, &core->runtime, ret, err) ||
	       explain(core, err);
}

static bool was_not_tracing(const struct tm_core *core, enum py_state state,
			    struct tm_err *err)
{
	if (state == PY_FINALIZED)
		return tm_err_set(err, TM_ERR_NOT_TRACED, core->path,
				  "the interpreter was shutting down; tracemalloc had ended");
	tm_err_set(err, TM_ERR_NOT_TRACED, core->path,
		   "%s was not tracing memory allocations", core->runtime.name);
	return tm_err_hint(err, "run the program with PYTHONTRACEMALLOC=1 or "
			   "-X tracemalloc; if the recorder was in it: --recorder");
}

static bool take_meta(struct tm_core *core, struct tm_meta *ret,
		      struct tm_err *err)
{
	enum py_state state;
	bool free_lock;

	if (!tm_meta_read(core->mem, &core->runtime, ret, &state, err))
		return false;
	if (state != PY_TRACING)
		return was_not_tracing(core, state, err);
	if (!py_lock_is_free(core->mem, &core->runtime, &free_lock, err))
		return false;
	ret->pid = core->file.pid;
	ret->partial = !free_lock;
	snprintf(ret->command, sizeof(ret->command), "%s", core->file.command);
	return true;
}

static bool torn(const struct tm_core *core, struct tm_err *err)
{
	char cause[sizeof(err->cause)];

	memcpy(cause, err->cause, sizeof(cause));
	return tm_err_set(err, TM_ERR_BUSY, core->path, "the process died while "
			  "its trace table was being changed, and the table is "
			  "torn (%.300s)", cause);
}

static struct tm_snapshot *decode(const struct tm_core *core,
				  struct tm_collected *collected,
				  const struct tm_meta *meta, struct tm_err *err)
{
	struct tm_builder *builder = tm_builder_create();
	size_t unreadable = tm_tracemalloc_decode(collected, &core->runtime, builder);

	if (unreadable)
		note(core, "some file names are no strings any more and are "
		     "shown as <unknown>");
	if (meta->partial)
		note(core, "the process died while its trace table was being "
		     "changed; the table holds together, but that block may be "
		     "missing");
	return tm_builder_finish(builder, meta, err);
}

static struct tm_snapshot *recorder_snapshot(struct tm_core *core,
					     struct tm_err *err)
{
	struct tm_meta meta = { .pid = core->file.pid };
	struct tm_snapshot *snapshot;

	snprintf(meta.runtime, sizeof(meta.runtime), "%s", core->runtime.layout
		 ? core->runtime.name : "native");
	snprintf(meta.command, sizeof(meta.command), "%s", core->file.command);
	snapshot = core_recorder_snapshot(core->recorder, &meta, err);
	if (!snapshot)
		explain(core, err);
	return snapshot;
}

struct tm_snapshot *tm_core_snapshot(struct tm_core *core, struct tm_err *err)
{
	struct tm_collect_opts opts = {
		.writable_bytes = tm_maps_writable_bytes(&core->maps),
	};
	struct tm_collected *collected = NULL;
	struct tm_meta meta = { 0 };

	if (core->recorder)
		return recorder_snapshot(core, err);
	if (take_meta(core, &meta, err))
		collected = tm_tracemalloc_collect(core->mem, &core->runtime,
						   &opts, err);
	if (collected)
		return decode(core, collected, &meta, err);
	if (meta.partial && err->kind == TM_ERR_CORRUPT)
		torn(core, err);
	explain(core, err);
	return NULL;
}
