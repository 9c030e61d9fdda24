#include "line_files.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "pyscope.h"
#include "tmattach/source.h"

#define SCOPES_MAX 64

struct scope_of_file {
	char *filename;
	size_t len;
	size_t source;
	struct pyscope *scope;
};

struct line_files {
	struct tm_source_lines **sources;
	size_t n;
	struct scope_of_file scopes[SCOPES_MAX]; /* round robin */
	size_t next_scope;
};

struct line_files *line_files_create(const pid_t *pids, size_t n)
{
	struct line_files *files = tm_calloc(1, sizeof(*files));

	files->n = n;
	files->sources = tm_calloc(n, sizeof(*files->sources));
	for (size_t i = 0; i < n; i++)
		files->sources[i] = tm_source_lines_create(pids[i]);
	return files;
}

void line_files_destroy(struct line_files *files)
{
	for (size_t i = 0; i < files->n; i++)
		tm_source_lines_destroy(files->sources[i]);
	for (size_t i = 0; i < SCOPES_MAX; i++) {
		pyscope_destroy(files->scopes[i].scope);
		free(files->scopes[i].filename);
	}
	free(files->sources);
	free(files);
}

void line_files_source(struct line_files *files, size_t i, pid_t pid)
{
	if (i >= files->n) {
		files->sources = tm_reallocarray(files->sources, i + 1,
					       sizeof(*files->sources));
		files->n = i + 1;
	} else {
		tm_source_lines_destroy(files->sources[i]);
	}
	files->sources[i] = tm_source_lines_create(pid);
	for (size_t k = 0; k < SCOPES_MAX; k++)
		if (files->scopes[k].source == i) {
			pyscope_destroy(files->scopes[k].scope);
			files->scopes[k].scope = NULL;
		}
}

static const struct pyscope *scope_of(struct line_files *files, size_t source,
				      struct tm_text filename)
{
	struct scope_of_file *slot;
	const char *text;
	size_t len = 0;

	for (size_t i = 0; i < SCOPES_MAX; i++) {
		slot = &files->scopes[i];
		if (slot->scope && slot->source == source &&
		    slot->len == filename.len &&
		    memcmp(slot->filename, filename.bytes, filename.len) == 0)
			return slot->scope;
	}
	text = tm_source_lines_text(files->sources[source], filename, &len);
	slot = &files->scopes[files->next_scope++ % SCOPES_MAX];
	pyscope_destroy(slot->scope);
	free(slot->filename);
	slot->filename = tm_memdup(filename.bytes, filename.len);
	slot->len = filename.len;
	slot->source = source;
	slot->scope = pyscope_create(text ? text : "", len);
	return slot->scope;
}

static bool is_python(struct tm_text name)
{
	return name.len > 3 && memcmp(name.bytes + name.len - 3, ".py", 3) == 0;
}

static bool find_line(struct line_files *files, size_t source, struct line *line)
{
	struct tm_text filename = { line->filename, line->filename_len };
	const struct tm_source_lines *door = files->sources[source];
	const char *function;

	line->text = door->line(door->ctx, filename, line->lineno);
	if (!line->text)
		return false;
	if (!is_python(filename))
		return true;
	function = pyscope_name(scope_of(files, source, filename), line->lineno);
	if (function)
		line->function = tm_strdup(function);
	return true;
}

void line_files_find(struct line_files *files, struct line_list *list,
		     size_t source)
{
	size_t first = source < files->n ? source : 0;
	size_t end = source < files->n ? source + 1 : files->n;

	for (size_t i = 0; i < list->n; i++)
		for (size_t k = first; k < end; k++)
			if (find_line(files, k, &list->items[i]))
				break;
}
