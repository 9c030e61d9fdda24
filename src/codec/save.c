/*
 * Writing a snapshot file so that a reader of `path` sees the old file or the
 * whole new one, whatever happens in between.
 *
 * The bytes go to a file without a name (O_TMPFILE), which the kernel drops
 * by itself if we are killed; only when they are complete and synced does it
 * get a name, and that is renamed over the target. Where the file system has
 * no such files (overlayfs before 6.3, NFS, FAT) a named temporary is used,
 * which every failure removes but a kill may leave.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "codec/codec.h"

struct save {
	char *path;       /* the file itself: symbolic links resolved */
	const char *base; /* its last component, within path */
	int dir;          /* the directory it is in */
	bool exists;
	struct stat old;  /* valid if exists */
	char temp[32];    /* name in dir; "" while there is none */
	int fd;
};

enum { BUFFER = 1 << 18 };

/* Follow links by hand: the last one may point to a file yet to be made. */
static char *resolve(const char *path)
{
	char *at = tm_strdup(path);

	for (int hops = 0; hops < 40; hops++) {
		char target[PATH_MAX];
		ssize_t n = readlink(at, target, sizeof(target) - 1);
		char *slash = strrchr(at, '/'), *next;

		if (n < 0)
			return at;
		target[n] = '\0';
		if (target[0] == '/' || !slash)
			next = tm_strdup(target);
		else
			next = tm_asprintf("%.*s/%s", (int)(slash - at), at,
					   target);
		free(at);
		at = next;
	}
	return at; /* a loop: open() will say so */
}

static int open_dir(const char *path, const char *base)
{
	TM_GUARD(tm_free_ptr) char *dir = tm_strdup(path);

	dir[base - path] = '\0';
	return open(dir[0] ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static bool save_begin(struct save *save, const char *path, struct tm_err *err)
{
	char *slash;

	save->fd = -1;
	save->path = resolve(path);
	slash = strrchr(save->path, '/');
	save->base = slash ? slash + 1 : save->path;
	save->dir = open_dir(save->path, save->base);
	if (save->dir < 0)
		return tm_err_os(err, errno, path,
				 "cannot open its directory");
	if (fstatat(save->dir, save->base, &save->old, 0) == 0)
		save->exists = true;
	else if (errno != ENOENT)
		return tm_err_os(err, errno, path, "cannot be written");
	/* It ends in a slash, or is one. */
	if (!save->base[0] || (save->exists && S_ISDIR(save->old.st_mode)))
		return tm_err_os(err, EISDIR, path, "cannot be written");
	if (save->exists && faccessat(save->dir, save->base, W_OK, AT_EACCESS))
		return tm_err_os(err, errno, path, "cannot be written");
	return true;
}

static void save_end(struct save *save)
{
	int why = errno;

	if (save->temp[0])
		unlinkat(save->dir, save->temp, 0);
	if (save->fd >= 0)
		close(save->fd);
	if (save->dir >= 0)
		close(save->dir);
	free(save->path);
	errno = why;
}

static void temp_name(struct save *save)
{
	uint64_t random = 0;

	if (getrandom(&random, sizeof(random), 0) < 0)
		random = (uint64_t)getpid() << 32 ^ (uintptr_t)&random;
	snprintf(save->temp, sizeof(save->temp), ".tmattach-%016llx",
		 (unsigned long long)random);
}

static bool open_named(struct save *save)
{
	for (int tries = 0; tries < 100; tries++) {
		temp_name(save);
		save->fd = openat(save->dir, save->temp,
				  O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (save->fd >= 0)
			return true;
		save->temp[0] = '\0';
		if (errno != EEXIST)
			return false;
	}
	return false;
}

/* A nameless file is of use only if it can be given a name through /proc. */
static bool open_nameless(struct save *save)
{
	char link[40];

	save->fd = openat(save->dir, ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600);
	if (save->fd < 0)
		return false;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", save->fd);
	if (access(link, F_OK) == 0)
		return true;
	close(save->fd);
	save->fd = -1;
	return false;
}

static bool give_name(struct save *save)
{
	char link[40];

	if (save->temp[0])
		return true;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", save->fd);
	for (int tries = 0; tries < 100; tries++) {
		temp_name(save);
		if (linkat(AT_FDCWD, link, save->dir, save->temp,
			   AT_SYMLINK_FOLLOW) == 0)
			return true;
		save->temp[0] = '\0';
		if (errno != EEXIST)
			return false;
	}
	return false;
}

/* As root on somebody's file: it stays theirs. Failure to do so is not an error. */
static bool keep_mode(const struct save *save)
{
	if (!save->exists)
		return true;
	if (fchown(save->fd, save->old.st_uid, save->old.st_gid) != 0)
		errno = 0;
	return fchmod(save->fd, save->old.st_mode & 0777) == 0;
}

static bool write_stream(const struct codec_writer *writer, int fd,
			 struct tm_err *err)
{
	TM_GUARD(tm_free_ptr) char *buffer = tm_malloc(BUFFER);
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	FILE *out = copy >= 0 ? fdopen(copy, "w") : NULL;
	bool ok;

	if (!out) {
		int why = errno;

		if (copy >= 0)
			close(copy);
		return tm_err_os(err, why, NULL, "cannot write");
	}
	setvbuf(out, buffer, _IOFBF, BUFFER);
	ok = writer->write(writer->ctx, out, err);
	if (ok && fflush(out) != 0)
		ok = tm_err_os(err, errno, NULL, "cannot write");
	if (fclose(out) != 0 && ok)
		ok = tm_err_os(err, errno, NULL, "cannot write");
	return ok;
}

/* From complete bytes to the target name. */
static bool publish(struct save *save, struct tm_err *err)
{
	if (!keep_mode(save))
		return tm_err_os(err, errno, NULL, "cannot set permissions");
	if (fsync(save->fd) != 0)
		return tm_err_os(err, errno, NULL, "cannot write");
	if (!give_name(save))
		return tm_err_os(err, errno, NULL, "cannot link");
	if (close(tm_fd_take(&save->fd)) != 0)
		return tm_err_os(err, errno, NULL, "cannot write");
	if (renameat(save->dir, save->temp, save->dir, save->base) != 0)
		return tm_err_os(err, errno, NULL, "cannot rename");
	save->temp[0] = '\0';
	/* The new name is in place; some file systems cannot sync a directory. */
	if (fsync(save->dir) != 0 && errno != EINVAL && errno != EROFS)
		return tm_err_os(err, errno, NULL,
				 "written, but its directory cannot be synced");
	return true;
}

static bool replace_file(struct save *save, const struct codec_writer *writer,
			 struct tm_err *err)
{
	if (!open_nameless(save) && !open_named(save)) {
		tm_err_os(err, errno, NULL, "cannot create a file beside it");
		return tm_err_hint(err, "choose a directory that is writable "
				   "and has space");
	}
	return write_stream(writer, save->fd, err) &&
	       publish(save, err);
}

/* A device, pipe or socket is written to, never replaced. */
static bool write_special(struct save *save, const struct codec_writer *writer,
			  struct tm_err *err)
{
	save->fd = openat(save->dir, save->base, O_WRONLY | O_NOCTTY | O_CLOEXEC);
	if (save->fd < 0)
		return tm_err_os(err, errno, NULL, "cannot be written");
	return write_stream(writer, save->fd, err);
}

static bool write_stdout(const struct codec_writer *writer, struct tm_err *err)
{
	if (!writer->write(writer->ctx, stdout, err))
		return tm_err_about(err, "stdout");
	if (fflush(stdout) != 0)
		return tm_err_os(err, errno, "stdout", "cannot write");
	return true;
}

bool codec_save(const char *path, const struct codec_writer *writer,
		struct tm_err *err)
{
	struct save save = { .dir = -1, .fd = -1 };
	bool ok;

	if (strcmp(path, "-") == 0)
		return write_stdout(writer, err);
	ok = save_begin(&save, path, err);
	if (ok && save.exists && !S_ISREG(save.old.st_mode))
		ok = write_special(&save, writer, err);
	else if (ok)
		ok = replace_file(&save, writer, err);
	save_end(&save);
	if (!ok)
		tm_err_about(err, "%s", path);
	return ok;
}

struct snapshot_file {
	const struct tm_snapshot *snapshot;
	const struct tm_codec *codec;
	const struct tm_codec_opts *opts;
};

static bool write_snapshot(void *ctx, FILE *out, struct tm_err *err)
{
	const struct snapshot_file *file = ctx;
	struct tm_snapshot *plain = NULL;
	bool ok;

	/* Where ages are not kept, traces that differ in nothing else are the same. */
	if (!file->codec->ages && tm_snapshot_has_ages(file->snapshot))
		plain = tm_snapshot_without_ages(file->snapshot);
	ok = file->codec->write(plain ? plain : file->snapshot, out, file->opts, err);
	tm_snapshot_destroy(plain);
	return ok;
}

bool tm_snapshot_save(const struct tm_snapshot *snapshot, const char *path,
		      const struct tm_codec *codec,
		      const struct tm_codec_opts *opts, struct tm_err *err)
{
	static const struct tm_codec_opts no_opts;
	struct snapshot_file file = { snapshot, codec, opts ? opts : &no_opts };
	const struct codec_writer writer = { write_snapshot, &file };

	if (!codec->write)
		return tm_err_set(err, TM_ERR_UNSUPPORTED, path,
				  "%s files cannot be written", codec->suffix);
	return codec_save(path, &writer, err);
}
