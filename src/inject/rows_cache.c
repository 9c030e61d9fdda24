#include "inject/rows_cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "base/log.h"
#include "base/map.h"

struct head {
	char magic[8];
	uint32_t version;
	uint32_t n;
	uint64_t source;
	uint64_t sum; /* of the rows */
};

static const char MAGIC[8] = "tmarows";

uint64_t rows_checksum(uint64_t sum, const void *bytes, size_t len)
{
	const char *at = bytes;
	uint64_t word = 0;

	for (; len >= sizeof(word); at += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		sum = tm_hash_u64(sum ^ word) + word;
	}
	word = len;
	memcpy((char *)&word + 1, at, len < 7 ? len : 7);
	return tm_hash_u64(sum ^ word);
}

/* No one else may put anything there. */
static bool is_ours(int fd, mode_t type)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == type &&
	       st.st_uid == geteuid() && (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static int enter(int parent, const char *name, bool make)
{
	int fd;

	if (make)
		mkdirat(parent, name, 0700);
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && !is_ours(fd, S_IFDIR)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* -1: no place for a cache (no home, or the home of somebody else: sudo). */
static int open_directory(bool make)
{
	static const char *const below[] = { ".cache", "tmattach", "unwind" };
	const char *base = getenv("XDG_CACHE_HOME");
	size_t i = 1;
	int fd;

	if (!base || base[0] != '/') {
		base = getenv("HOME");
		i = 0;
	}
	if (!base || base[0] != '/')
		return -1;
	fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && !is_ours(fd, S_IFDIR)) {
		close(fd);
		return -1;
	}
	for (; i < sizeof(below) / sizeof(below[0]) && fd >= 0; i++) {
		int next = enter(fd, below[i], make);

		close(fd);
		fd = next;
	}
	return fd;
}

/* BUILDID-SOURCE; false without a build-id. */
static bool file_name(const struct rows_key *key, char ret[96])
{
	size_t at = 0;

	if (key->build_id_len == 0 || key->build_id_len > sizeof(key->build_id))
		return false;
	for (size_t i = 0; i < key->build_id_len; i++)
		at += (size_t)sprintf(ret + at, "%02x", key->build_id[i]);
	sprintf(ret + at, "-%016llx", (unsigned long long)key->source);
	return true;
}

static bool read_all(int fd, void *bytes, size_t len)
{
	char *to = bytes;

	while (len > 0) {
		ssize_t n = read(fd, to, len);

		if (n <= 0)
			return false;
		to += n;
		len -= (size_t)n;
	}
	return true;
}

static bool write_all(int fd, const void *bytes, size_t len)
{
	const char *from = bytes;

	while (len > 0) {
		ssize_t n = write(fd, from, len);

		if (n <= 0)
			return false;
		from += n;
		len -= (size_t)n;
	}
	return true;
}

static bool ascending(const struct tm_recorder_row *rows, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (rows[i].pc <= rows[i - 1].pc)
			return false;
	return true;
}

static struct tm_recorder_row *read_rows(int fd, const struct rows_key *key,
					 size_t *ret_n)
{
	struct tm_recorder_row *rows;
	struct head head;
	struct stat st;

	if (fstat(fd, &st) != 0 || !read_all(fd, &head, sizeof(head)) ||
	    memcmp(head.magic, MAGIC, sizeof(MAGIC)) != 0 ||
	    head.version != ROWS_CACHE_VERSION || head.source != key->source ||
	    head.n == 0 || head.n > ROWS_CACHE_MAX ||
	    (uint64_t)st.st_size != sizeof(head) + head.n * sizeof(*rows))
		return NULL;
	rows = tm_reallocarray(NULL, head.n, sizeof(*rows));
	if (!read_all(fd, rows, head.n * sizeof(*rows)) ||
	    rows_checksum(0, rows, head.n * sizeof(*rows)) != head.sum ||
	    !ascending(rows, head.n)) {
		free(rows);
		return NULL;
	}
	*ret_n = head.n;
	return rows;
}

struct tm_recorder_row *rows_cache_get(const struct rows_key *key, size_t *ret_n)
{
	TM_GUARD(tm_fd_close) int directory = -1;
	TM_GUARD(tm_fd_close) int fd = -1;
	char name[96];

	if (!file_name(key, name))
		return NULL;
	directory = open_directory(false);
	if (directory >= 0)
		fd = openat(directory, name,
			    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || !is_ours(fd, S_IFREG))
		return NULL;
	return read_rows(fd, key, ret_n);
}

/* Room for one more: the oldest goes. */
static void make_room(int directory)
{
	int copy = dup(directory);
	TM_GUARD(tm_dir_close) DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
	char oldest[96] = "";
	struct dirent *entry;
	time_t when = 0;
	size_t n = 0;

	while (dir && (entry = readdir(dir))) {
		struct stat st;

		if (entry->d_name[0] == '.' || strlen(entry->d_name) >= sizeof(oldest) ||
		    fstatat(directory, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
			continue;
		if (n++ == 0 || st.st_mtime < when) {
			when = st.st_mtime;
			strcpy(oldest, entry->d_name); /* its length was checked */
		}
	}
	if (n >= ROWS_CACHE_FILES)
		unlinkat(directory, oldest, 0);
}

void rows_cache_put(const struct rows_key *key, const struct tm_recorder_row *rows,
		    size_t n)
{
	TM_GUARD(tm_fd_close) int directory = -1;
	TM_GUARD(tm_fd_close) int fd = -1;
	struct head head = { .version = ROWS_CACHE_VERSION, .n = (uint32_t)n,
			     .source = key->source };
	char name[96], temporary[32];

	if (n == 0 || n > ROWS_CACHE_MAX || !file_name(key, name))
		return;
	directory = open_directory(true);
	if (directory < 0)
		return;
	memcpy(head.magic, MAGIC, sizeof(MAGIC));
	head.sum = rows_checksum(0, rows, n * sizeof(*rows));
	make_room(directory);
	snprintf(temporary, sizeof(temporary), "new-%d", (int)gettid());
	unlinkat(directory, temporary, 0);
	fd = openat(directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	if (!write_all(fd, &head, sizeof(head)) ||
	    !write_all(fd, rows, n * sizeof(*rows)) ||
	    renameat(directory, temporary, directory, name) != 0) {
		tm_log("cannot keep unwind rows in the cache");
		unlinkat(directory, temporary, 0);
	}
}
