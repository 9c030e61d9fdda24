#include "session/source_open.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/guard.h"

void tm_fs_view_init(struct tm_fs_view *view, pid_t pid)
{
	char link[64];

	*view = (struct tm_fs_view){ .pid = pid, .root_fd = -1 };
	if (pid == 0)
		return;
	snprintf(link, sizeof(link), "/proc/%d/root", (int)pid);
	view->root_fd = open(link, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

void tm_fs_view_deinit(struct tm_fs_view *view)
{
	tm_fd_close(&view->root_fd);
	view->root_fd = -1;
}

static int open_resolved(int dir_fd, const char *path, uint64_t resolve)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = resolve | RESOLVE_NO_MAGICLINKS,
	};

	return (int)syscall(SYS_openat2, dir_fd, path, &how, sizeof(how));
}

/*
 * Both links are printed from the same root (ours, or the target's mount
 * namespace), so what follows the root's text is the path inside it.
 */
static bool cwd_inside_root(pid_t pid, char *ret, size_t size)
{
	char link[64], root[PATH_MAX], cwd[PATH_MAX];
	ssize_t nroot, ncwd;

	snprintf(link, sizeof(link), "/proc/%d/root", (int)pid);
	nroot = readlink(link, root, sizeof(root) - 1);
	snprintf(link, sizeof(link), "/proc/%d/cwd", (int)pid);
	ncwd = readlink(link, cwd, sizeof(cwd) - 1);
	if (nroot <= 0 || ncwd <= 0)
		return false;
	root[nroot] = cwd[ncwd] = '\0';
	if (nroot == 1)
		nroot = 0;
	if (strncmp(cwd, root, (size_t)nroot) != 0)
		return false;
	if (cwd[nroot] != '/' && cwd[nroot] != '\0')
		return false;
	return (size_t)snprintf(ret, size, "%s", cwd + nroot) < size;
}

/* A name that leaves the working directory ("../x", an absolute symbolic
 * link) cannot be resolved from there without leaving the target's root. */
static int open_outside_cwd(const struct tm_fs_view *view, const char *path)
{
	char cwd[PATH_MAX], whole[2 * PATH_MAX];

	if (!cwd_inside_root(view->pid, cwd, sizeof(cwd)))
		return -1;
	if ((size_t)snprintf(whole, sizeof(whole), "%s/%s", cwd, path) >=
	    sizeof(whole))
		return -1;
	return open_resolved(view->root_fd, whole, RESOLVE_IN_ROOT);
}

static int open_from_cwd(const struct tm_fs_view *view, const char *path)
{
	TM_GUARD(tm_fd_close) int cwd_fd = -1;
	char link[64];
	int fd;

	snprintf(link, sizeof(link), "/proc/%d/cwd", (int)view->pid);
	cwd_fd = open(link, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (cwd_fd < 0)
		return -1;
	fd = open_resolved(cwd_fd, path, RESOLVE_BENEATH);
	if (fd < 0 && errno == EXDEV)
		return open_outside_cwd(view, path);
	return fd;
}

static int open_path(const struct tm_fs_view *view, const char *path)
{
	if (view->pid == 0)
		return open(path, O_PATH | O_CLOEXEC);
	if (view->root_fd < 0)
		return -1;
	if (path[0] == '/')
		return open_resolved(view->root_fd, path, RESOLVE_IN_ROOT);
	return open_from_cwd(view, path);
}

int tm_fs_view_open(const struct tm_fs_view *view, const char *path)
{
	TM_GUARD(tm_fd_close) int fd = open_path(view, path);
	char link[64];
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -1;
	/* The only way from a place in the file system to its bytes that
	 * cannot be led elsewhere in between. */
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return open(link, O_RDONLY | O_CLOEXEC | O_NOCTTY);
}
