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

/* `flags` besides O_PATH, as in all that follows: O_NOFOLLOW, or none. */
static int open_resolved(int dir_fd, const char *path, uint64_t flags, uint64_t resolve)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC | flags,
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
static int open_outside_cwd(const struct tm_fs_view *view, const char *path, uint64_t flags)
{
	char cwd[PATH_MAX], whole[2 * PATH_MAX];

	if (!cwd_inside_root(view->pid, cwd, sizeof(cwd)))
		return -1;
	if ((size_t)snprintf(whole, sizeof(whole), "%s/%s", cwd, path) >=
	    sizeof(whole))
		return -1;
	return open_resolved(view->root_fd, whole, flags, RESOLVE_IN_ROOT);
}

static int open_from_cwd(const struct tm_fs_view *view, const char *path, uint64_t flags)
{
	TM_GUARD(tm_fd_close) int cwd_fd = -1;
	char link[64];
	int fd;

	snprintf(link, sizeof(link), "/proc/%d/cwd", (int)view->pid);
	cwd_fd = open(link, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (cwd_fd < 0)
		return -1;
	fd = open_resolved(cwd_fd, path, flags, RESOLVE_BENEATH);
	if (fd < 0 && errno == EXDEV)
		return open_outside_cwd(view, path, flags);
	return fd;
}

static int open_path(const struct tm_fs_view *view, const char *path, uint64_t flags)
{
	if (view->pid == 0)
		return open(path, O_PATH | O_CLOEXEC | (int)flags);
	if (view->root_fd < 0)
		return -1;
	if (path[0] == '/')
		return open_resolved(view->root_fd, path, flags, RESOLVE_IN_ROOT);
	return open_from_cwd(view, path, flags);
}

static int64_t nanoseconds(struct timespec time)
{
	return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* If a symbolic link is there, it may have led elsewhere before. */
static void look_at_link(const struct tm_fs_view *view, const char *path,
			 struct tm_file_times *times)
{
	TM_GUARD(tm_fd_close) int fd = open_path(view, path, O_NOFOLLOW);
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISLNK(st.st_mode) &&
	    nanoseconds(st.st_ctim) > times->placed)
		times->placed = nanoseconds(st.st_ctim);
}

static void look_at_way(const struct tm_fs_view *view, const char *path,
			struct tm_file_times *times)
{
	char part[PATH_MAX];

	if ((size_t)snprintf(part, sizeof(part), "%s", path) >= sizeof(part))
		return;
	for (char *slash = part; (slash = strchr(slash + 1, '/'));) {
		*slash = '\0';
		look_at_link(view, part, times);
		*slash = '/';
	}
	look_at_link(view, part, times);
}

int tm_fs_view_open(const struct tm_fs_view *view, const char *path,
		    struct tm_file_times *ret)
{
	TM_GUARD(tm_fd_close) int fd = open_path(view, path, 0);
	char link[64];
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -1;
	*ret = (struct tm_file_times){ nanoseconds(st.st_mtim), nanoseconds(st.st_ctim) };
	look_at_way(view, path, ret);
	/* The only way from a place in the file system to its bytes that
	 * cannot be led elsewhere in between. */
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return open(link, O_RDONLY | O_CLOEXEC | O_NOCTTY);
}
