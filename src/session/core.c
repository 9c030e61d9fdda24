#include "session/core.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "base/log.h"
#include "image/image_file.h"
#include "session/core_maps.h"

bool tm_is_core_file(const void *head, size_t len)
{
	return tm_core_sniff(head, len);
}

/* ---- files ----------------------------------------------------------------- */

/* Its name in the core; "" if that is not known. */
static const char *exe_path(const struct tm_session *session)
{
	const struct tm_region *region =
		tm_maps_find(&session->maps, session->core->file.exe_phdr);

	return region ? region->path : "";
}

static bool is_elf(int fd)
{
	char magic[SELFMAG];

	return pread(fd, magic, SELFMAG, 0) == SELFMAG &&
	       memcmp(magic, ELFMAG, SELFMAG) == 0;
}

/* The file that was mapped at `region`, or -1: not there, or another one. */
static int open_mapped(struct tm_mem *mem, const struct tm_region *region,
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
	if (tm_image_read(mem, region, &image, &err) &&
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

static bool wrong_exe(const struct tm_session *session, const char *path,
		      struct tm_err *err)
{
	const char *exe = session->opts.exe;

	if (access(exe, R_OK) != 0)
		return tm_err_os(err, errno, exe, "cannot be read");
	tm_err_set(err, TM_ERR_USAGE, exe, "is not the executable of %s",
		   session->object);
	return tm_err_hint(err, "the process ran a file called %s with another "
			   "build-id", path);
}

/* A file is examined where its ELF header is mapped, once. */
static bool find_files(struct tm_session *session, struct tm_err *err)
{
	const char *exe = session->opts.exe, *was = exe_path(session);
	struct tm_core *core = session->core;
	bool exe_used = false;

	for (size_t i = 0; i < session->maps.n; i++) {
		const struct tm_region *region = &session->maps.regions[i];
		bool is_exe = strcmp(region->path, was) == 0, given = exe && is_exe;
		int fd;

		if (region->path[0] != '/' || region->offset != 0 ||
		    (given && exe_used))
			continue;
		exe_used |= given;
		fd = open_mapped(session->mem, region, given ? exe : region->path);
		if (fd >= 0)
			keep_fd(core, region->path, fd);
		else if (given)
			return wrong_exe(session, region->path, err);
		else if (!core->lacking[0] &&
			 (is_exe || strstr(region->path, "python")))
			snprintf(core->lacking, sizeof(core->lacking), "%s",
				 region->path);
	}
	return true;
}

/* From here on the executable has the name that it has here. */
static void rename_exe(struct tm_session *session)
{
	const char *was = exe_path(session);

	for (size_t i = 0; i < session->maps.n && session->opts.exe && was[0]; i++)
		if (strcmp(session->maps.regions[i].path, was) == 0)
			session->maps.regions[i].path = session->opts.exe;
}

/* ---- opening --------------------------------------------------------------- */

/* Every process writes to its stack. */
static bool lacks_memory(const struct tm_core_file *file)
{
	return file->stack && !tm_core_holds(file, file->stack);
}

static void refuse_memory(const struct tm_core *core, struct tm_err *err)
{
	tm_err_set(err, TM_ERR_UNSUPPORTED, core->path,
		   "its private memory was not written to the core");
	tm_err_hint(err, "bit 0 of /proc/PID/coredump_filter was not set (0x33 is the "
			 "default)");
}

void tm_core_advise(const struct tm_core *core, struct tm_err *err)
{
	if (err->kind == TM_ERR_USAGE || err->kind == TM_ERR_NOT_TRACED)
		return;
	if (core->file.truncated)
		tm_err_hint(err, "the core file is cut short: see ulimit -c");
	else if (lacks_memory(&core->file))
		refuse_memory(core, err);
	else if (core->lacking[0] && !err->hint[0])
		tm_err_hint(err, "%s is not here, or is not the file that was "
			    "mapped (its build-id differs); name the executable "
			    "with --exe", core->lacking);
}

bool tm_core_open(struct tm_session *session, const char *path,
		  struct tm_err *err)
{
	struct tm_core *core = tm_calloc(1, sizeof(*core));
	struct tm_process *process = &session->process;

	session->core = core;
	core->path = tm_strdup(path);
	if (session->opts.exe)
		session->opts.exe = core->exe = tm_strdup(session->opts.exe);
	session->object = core->path;
	if (!tm_core_file_open(path, &core->file, err))
		return false;
	session->mem = tm_mem_core(&core->file);
	tm_core_maps(&core->file, &session->maps);
	process->leader = core->file.pid;
	snprintf(process->name, sizeof(process->name), "%s", core->file.name);
	snprintf(process->command, sizeof(process->command), "%s",
		 core->file.command);
	if (!find_files(session, err))
		return false;
	rename_exe(session);
	return true;
}

void tm_core_close(struct tm_core *core)
{
	if (!core)
		return;
	for (size_t i = 0; i < core->nfds; i++)
		close(core->fds[i]);
	free(core->fds);
	tm_core_file_close(&core->file);
	free(core->path);
	free(core->exe);
	free(core);
}
