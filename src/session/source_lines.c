#include "session/source_lines.h"

#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/guard.h"
#include "base/intern.h"
#include "base/utf8.h"
#include "session/source_decode.h"
#include "session/source_memory.h"
#include "session/source_open.h"
#include "session/source_zip.h"
#include "target/stat.h"
#include "tmattach/source.h"

/* All texts together; beyond that, the cache is emptied. */
#define CACHE_MAX ((size_t)64 << 20)
/* A process begins within the tick that is reported as its beginning. */
#define TICKS 2

/* Is a file what it was when it ran? */
enum change {
	UNCHANGED,
	DOUBTFUL, /* perhaps another one is in its place */
	CHANGED,
};

struct source_file {
	struct tm_source_text source;
	enum change change;
};

struct source_lines {
	struct tm_source_lines door; /* first: what the caller holds */
	struct tm_fs_view view;
	struct tm_source_memory memory;
	int64_t since;             /* ns after the epoch: files have to be older */
	const char *mark;          /* of those that are not */
	bool shows_changed;        /* their text as well */
	const struct tm_mapping *mappings;
	size_t nmappings;
	struct tm_intern names;    /* id = index into files */
	struct source_file *files;
	size_t cap;
	size_t cached;             /* bytes of text in files */
};

/* ---- files -------------------------------------------------------------------------- */

static bool is_generated(struct tm_text name)
{
	return name.len > 1 && name.bytes[0] == '<' && name.bytes[name.len - 1] == '>';
}

/*
 * A file's name as the system call wants it: Python's surrogate escapes
 * (U+DC80..U+DCFF) are the bytes that were not UTF-8. NULL where there can be
 * no such file: generated code ("<string>"), NULs, other surrogates.
 */
static char *path_bytes(struct tm_text name)
{
	const unsigned char *p = (const unsigned char *)name.bytes;
	size_t n = 0;
	char *path;

	if (name.len == 0 || name.len >= PATH_MAX ||
	    memchr(name.bytes, '\0', name.len) || is_generated(name))
		return NULL;
	path = tm_malloc(name.len + 1);
	for (size_t i = 0; i < name.len; i++) {
		if (p[i] != 0xed || i + 2 >= name.len || p[i + 1] < 0xa0) {
			path[n++] = (char)p[i];
			continue;
		}
		if (p[i + 1] != 0xb2 && p[i + 1] != 0xb3) {
			free(path);
			return NULL;
		}
		path[n++] = (char)(((p[i + 1] & 0x3) << 6) | (p[i + 2] & 0x3f));
		i += 2;
	}
	path[n] = '\0';
	return path;
}

static bool read_all(int fd, struct tm_buf *ret)
{
	for (;;) {
		ssize_t n = read(fd, tm_buf_room(ret, 65536), 65536);

		if (n < 0)
			return false;
		if (n == 0)
			break;
		ret->len += (size_t)n;
		if (ret->len > TM_SOURCE_MAX)
			return false;
	}
	ret->data[ret->len] = '\0';
	return true;
}

static enum change judge(const struct source_lines *self, const struct tm_file_times *times)
{
	if (times->written > self->since)
		return CHANGED;
	return times->placed > self->since ? DOUBTFUL : UNCHANGED;
}

/* False if there is no such file; what is not source text has no lines. */
static bool load_file(const struct source_lines *self, const char *path,
		      struct source_file *ret)
{
	struct tm_file_times times;
	TM_GUARD(tm_fd_close) int fd = tm_fs_view_open(&self->view, path, &times);

	if (fd < 0)
		return false;
	ret->change = judge(self, &times);
	if (read_all(fd, &ret->source.text) && tm_source_decode(&ret->source.text))
		tm_source_text_cut(&ret->source);
	else
		tm_source_text_free(&ret->source);
	return true;
}

/* ".../app.pyz/shop/cart.py": a part of the name is an archive, and the rest
 * names what is in it. */
static bool load_member(const struct source_lines *self, const char *path,
			struct source_file *ret)
{
	enum { DEPTH = 32 };
	TM_GUARD(tm_free_ptr) char *part = tm_strdup(path);
	struct tm_file_times times;
	char *slash = part;

	for (int i = 0; i < DEPTH && (slash = strrchr(part, '/')) && slash > part; i++) {
		TM_GUARD(tm_fd_close) int fd = -1;

		*slash = '\0';
		fd = tm_fs_view_open(&self->view, part, &times);
		if (fd < 0)
			continue;
		ret->change = judge(self, &times);
		if (tm_zip_member(fd, path + (slash - part) + 1, TM_SOURCE_MAX,
				  &ret->source.text) &&
		    tm_source_decode(&ret->source.text))
			tm_source_text_cut(&ret->source);
		else
			tm_source_text_free(&ret->source);
		return ret->source.nlines > 0;
	}
	return false;
}

/* A relative name may be one below a directory of sys.path. */
static bool load_below_path(struct source_lines *self, const char *path,
			    struct source_file *ret)
{
	enum { MAX_DIRECTORIES = 256 };
	bool found = false;

	for (size_t i = 0; i < MAX_DIRECTORIES && path[0] != '/' && !found; i++) {
		TM_GUARD(tm_buf_free) struct tm_buf whole = { 0 };

		if (!tm_source_memory_path(&self->memory, i, &whole))
			break;
		if (whole.len == 0)
			continue;
		tm_buf_addc(&whole, '/');
		tm_buf_adds(&whole, path);
		found = load_file(self, whole.data, ret);
	}
	return found;
}

/* ---- where the text is -------------------------------------------------------------- */

/* What linecache read before the file changed. */
static bool load_older(struct source_lines *self, struct tm_text name,
		       struct source_file *ret)
{
	const double since = (double)self->since / 1e9;
	struct tm_source_text older = { 0 };

	if (!tm_source_memory_lines(&self->memory, name.bytes, name.len, &since, &older))
		return false;
	tm_source_text_free(&ret->source);
	*ret = (struct source_file){ older, UNCHANGED };
	return true;
}

static void load_command(struct source_lines *self, struct source_file *ret)
{
	if (tm_source_memory_command(&self->memory, &ret->source.text) &&
	    tm_utf8_is_valid(ret->source.text.data, ret->source.text.len))
		tm_source_text_cut(&ret->source);
	else
		tm_source_text_free(&ret->source);
}

static bool is(struct tm_text name, const char *text)
{
	return name.len == strlen(text) && memcmp(name.bytes, text, name.len) == 0;
}

static void load_as(struct source_lines *self, struct tm_text name,
		    struct source_file *ret)
{
	TM_GUARD(tm_free_ptr) char *path = path_bytes(name);

	*ret = (struct source_file){ 0 };
	if (path && (load_file(self, path, ret) || load_member(self, path, ret))) {
		if (ret->change == CHANGED)
			load_older(self, name, ret);
		return;
	}
	if (tm_source_memory_lines(&self->memory, name.bytes, name.len, NULL, &ret->source))
		return;
	if (path)
		load_below_path(self, path, ret);
	else if (is(name, "<string>"))
		load_command(self, ret);
}

/* By the name that it has here, or had before it was renamed. */
static void load(struct source_lines *self, struct tm_text name, struct source_file *ret)
{
	load_as(self, name, ret);
	for (size_t i = 0; i < self->nmappings && ret->source.nlines == 0; i++) {
		struct tm_text before;
		TM_GUARD(tm_free_ptr) char *bytes =
			tm_mapping_undo(&self->mappings[i], name, &before.len);

		if (!bytes)
			continue;
		before.bytes = bytes;
		tm_source_text_free(&ret->source);
		load_as(self, before, ret);
	}
}

static void forget_files(struct source_lines *self)
{
	for (size_t i = 0; i < self->names.n; i++)
		tm_source_text_free(&self->files[i].source);
	tm_intern_free(&self->names);
	self->names = (struct tm_intern){ 0 };
	self->cached = 0;
}

static const struct source_file *get_file(struct source_lines *self,
					  struct tm_text name)
{
	uint32_t id = tm_intern_find(&self->names, name.bytes, name.len);

	if (id != UINT32_MAX)
		return &self->files[id];
	if (self->cached > CACHE_MAX)
		forget_files(self);
	id = tm_intern(&self->names, name.bytes, name.len);
	self->files = tm_grow(self->files, &self->cap, (size_t)id + 1,
			      sizeof(*self->files));
	load(self, name, &self->files[id]);
	self->cached += self->files[id].source.text.len;
	return &self->files[id];
}

/* ---- the door ----------------------------------------------------------------------- */

static char *marked(const char *line, const char *mark)
{
	struct tm_buf text = { 0 };

	if (line)
		tm_buf_addf(&text, "%s   ", line);
	tm_buf_adds(&text, mark);
	return text.data;
}

static char *get_line(void *ctx, struct tm_text filename, uint32_t lineno)
{
	struct source_lines *self = ctx;
	const struct source_file *file = get_file(self, filename);
	TM_GUARD(tm_free_ptr) char *line = tm_source_text_line(&file->source, lineno);
	char *taken = line;

	if (file->change == CHANGED && lineno > 0 && !self->shows_changed)
		return marked(NULL, self->mark);
	if (file->change != UNCHANGED && line)
		return marked(line, self->mark);
	line = NULL;
	return taken;
}

const char *tm_source_lines_text(struct tm_source_lines *lines,
				 struct tm_text filename, size_t *ret_len)
{
	const struct source_lines *self = (struct source_lines *)lines;
	const struct source_file *file =
		get_file((struct source_lines *)lines, filename);

	*ret_len = file->source.text.len;
	return file->source.nlines && (file->change != CHANGED || self->shows_changed)
	       ? file->source.text.data : NULL;
}

static int64_t clock_ns(clockid_t clock)
{
	struct timespec now = { 0 };

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * (int64_t)TM_NS_PER_S + now.tv_nsec;
}

/* When the process began, by the clock of files; where that cannot be known no
 * file is newer. */
static int64_t start_of(pid_t pid)
{
	const int64_t tick = (int64_t)TM_NS_PER_S / sysconf(_SC_CLK_TCK);
	struct target_stat stat;

	if (pid == 0 || !target_stat_read(pid, &stat))
		return INT64_MAX;
	return clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME) +
	       ((int64_t)stat.values[STAT_STARTTIME] + TICKS) * tick;
}

static struct source_lines *create(pid_t pid)
{
	struct source_lines *self = tm_calloc(1, sizeof(*self));

	self->door.line = get_line;
	self->door.ctx = self;
	self->since = start_of(pid);
	self->mark = "(file changed since the process started)";
	tm_fs_view_init(&self->view, pid);
	return self;
}

struct tm_source_lines *tm_source_lines_create(pid_t pid)
{
	struct source_lines *self = create(pid);

	tm_source_memory_init(&self->memory, pid);
	return &self->door;
}

struct tm_source_lines *tm_source_lines_of_core(struct tm_mem *mem,
						const struct py_runtime *runtime)
{
	struct source_lines *self = create(0);

	if (runtime)
		tm_source_memory_borrow(&self->memory, mem, runtime);
	return &self->door;
}

void tm_source_lines_since(struct tm_source_lines *lines, int64_t ms)
{
	struct source_lines *self = (struct source_lines *)lines;

	self->since = ms > 0 ? ms * (int64_t)TM_NS_PER_MS : INT64_MAX;
	self->mark = "(file changed since the snapshot was taken)";
	self->shows_changed = true;
}

void tm_source_lines_rename(struct tm_source_lines *lines,
			    const struct tm_mapping *mappings, size_t n)
{
	struct source_lines *self = (struct source_lines *)lines;

	self->mappings = mappings;
	self->nmappings = n;
}

void tm_source_lines_destroy(struct tm_source_lines *lines)
{
	struct source_lines *self = (struct source_lines *)lines;

	if (!self)
		return;
	forget_files(self);
	free(self->files);
	tm_source_memory_deinit(&self->memory);
	tm_fs_view_deinit(&self->view);
	free(self);
}
