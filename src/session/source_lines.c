#include "tmattach/source_lines.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/guard.h"
#include "base/intern.h"
#include "session/source_decode.h"
#include "session/source_open.h"

/* A larger file is no source text a person wrote; and a name from the target
 * may point anywhere. */
#define FILE_MAX ((size_t)16 << 20)
/* All texts together; beyond it the cache starts anew. */
#define CACHE_MAX ((size_t)64 << 20)

struct source_file {
	struct tm_buf text;
	uint32_t *starts; /* byte offset of each line; nlines + 1 of them */
	uint32_t nlines;
};

struct source_lines {
	struct tm_source_lines door; /* first: what the caller holds */
	struct tm_fs_view view;
	struct tm_intern names;    /* id = index into files */
	struct source_file *files;
	size_t cap;
	size_t cached;             /* bytes of text in files */
};

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
	    memchr(name.bytes, '\0', name.len) ||
	    (p[0] == '<' && p[name.len - 1] == '>'))
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
		if (ret->len > FILE_MAX)
			return false;
	}
	ret->data[ret->len] = '\0';
	return true;
}

/* Universal newlines: a line ends with \n, \r\n or \r. */
static void find_lines(struct source_file *file)
{
	const char *p = file->text.data;
	size_t len = file->text.len, cap = 0, i = 0;

	while (i < len) {
		file->starts = tm_grow(file->starts, &cap,
				       (size_t)file->nlines + 2,
				       sizeof(*file->starts));
		file->starts[file->nlines++] = (uint32_t)i;
		while (i < len && p[i] != '\n' && p[i] != '\r')
			i++;
		i += i + 1 < len && p[i] == '\r' && p[i + 1] == '\n' ? 2 : 1;
	}
	if (file->nlines)
		file->starts[file->nlines] = (uint32_t)len;
}

static void load_file(const struct tm_fs_view *view, struct tm_text name,
		      struct source_file *ret)
{
	TM_GUARD(tm_free_ptr) char *path = path_bytes(name);
	TM_GUARD(tm_fd_close) int fd = -1;

	*ret = (struct source_file){ 0 };
	if (!path)
		return;
	fd = tm_fs_view_open(view, path);
	if (fd < 0)
		return;
	if (read_all(fd, &ret->text) && tm_source_decode(&ret->text))
		find_lines(ret);
	else
		tm_buf_free(&ret->text);
}

static void forget_files(struct source_lines *self)
{
	for (size_t i = 0; i < self->names.n; i++) {
		tm_buf_free(&self->files[i].text);
		free(self->files[i].starts);
	}
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
	load_file(&self->view, name, &self->files[id]);
	self->cached += self->files[id].text.len;
	return &self->files[id];
}

/* str.isspace() for the character at p: its length in bytes, else 0. */
static size_t space_length(const char *p, size_t left)
{
	const unsigned char *u = (const unsigned char *)p;
	uint32_t c;

	if (u[0] == ' ' || (u[0] >= 0x09 && u[0] <= 0x0d) ||
	    (u[0] >= 0x1c && u[0] <= 0x1f))
		return 1;
	if (left >= 2 && u[0] == 0xc2 && (u[1] == 0x85 || u[1] == 0xa0))
		return 2;
	if (left < 3 || u[0] < 0xe1 || u[0] > 0xe3)
		return 0;
	c = (uint32_t)(u[0] & 0xf) << 12 | (uint32_t)(u[1] & 0x3f) << 6 |
	    (u[2] & 0x3f);
	return c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 ||
	       c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000 ? 3 : 0;
}

/* The length of the last character, so that stripping can go backwards. */
static size_t last_length(const char *p, size_t len)
{
	size_t n = 1;

	while (n < len && n < 4 && ((unsigned char)p[len - n] & 0xc0) == 0x80)
		n++;
	return n;
}

static char *stripped(const char *p, size_t len)
{
	size_t n;
	char *line;

	while (len > 0 && (n = space_length(p, len)) > 0) {
		p += n;
		len -= n;
	}
	while (len > 0) {
		n = last_length(p, len);
		if (space_length(p + len - n, n) != n)
			break;
		len -= n;
	}
	if (len == 0)
		return NULL;
	line = tm_malloc(len + 1);
	memcpy(line, p, len);
	line[len] = '\0';
	return line;
}

static char *get_line(void *ctx, struct tm_text filename, uint32_t lineno)
{
	const struct source_file *file = get_file(ctx, filename);
	uint32_t start;

	if (lineno < 1 || lineno > file->nlines)
		return NULL;
	start = file->starts[lineno - 1];
	return stripped(file->text.data + start, file->starts[lineno] - start);
}

const char *tm_source_lines_text(struct tm_source_lines *lines,
				 struct tm_text filename, size_t *ret_len)
{
	const struct source_file *file =
		get_file((struct source_lines *)lines, filename);

	*ret_len = file->text.len;
	return file->nlines ? file->text.data : NULL;
}

struct tm_source_lines *tm_source_lines_create(pid_t pid)
{
	struct source_lines *self = tm_calloc(1, sizeof(*self));

	self->door.line = get_line;
	self->door.ctx = self;
	tm_fs_view_init(&self->view, pid);
	return &self->door;
}

void tm_source_lines_destroy(struct tm_source_lines *lines)
{
	struct source_lines *self = (struct source_lines *)lines;

	if (!self)
		return;
	forget_files(self);
	free(self->files);
	tm_fs_view_deinit(&self->view);
	free(self);
}
