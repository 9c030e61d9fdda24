#include "session/source_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "py/dict.h"
#include "py/module.h"
#include "py/object.h"
#include "py/sequence.h"
#include "py/str.h"
#include "session/source_command.h"
#include "target/stat.h"

enum { MAX_LINES = 1 << 20, TRIES = 3, MAX_WORDS = 4096, COMMAND_MAX = 1 << 20 };

/* ---- the process ------------------------------------------------------------------ */

void tm_source_memory_init(struct tm_source_memory *memory, pid_t pid)
{
	*memory = (struct tm_source_memory){ .pid = pid };
}

void tm_source_memory_borrow(struct tm_source_memory *memory, struct tm_mem *mem,
			     const struct py_runtime *runtime)
{
	struct tm_err err;

	*memory = (struct tm_source_memory){
		.mem = mem, .borrowed = true, .sought = true, .runtime = *runtime,
	};
	memory->found = py_stack_fields_read(mem, runtime, &memory->fields, &err);
}

void tm_source_memory_deinit(struct tm_source_memory *memory)
{
	if (!memory->borrowed)
		tm_mem_destroy(memory->mem);
	*memory = (struct tm_source_memory){ 0 };
}

/* Its interpreter; what cannot be read has no lines. */
static bool find_python(struct tm_source_memory *memory)
{
	struct tm_maps maps;
	struct tm_err err;

	if (memory->sought || memory->pid == 0)
		return memory->found;
	memory->sought = true;
	memory->mem = tm_mem_proc(memory->pid, &err);
	if (!memory->mem || !tm_maps_read(memory->pid, &maps, &err))
		return false;
	memory->found = py_runtime_find(memory->mem, &maps, memory->pid,
					&memory->runtime, &err) &&
			py_stack_fields_read(memory->mem, &memory->runtime,
					     &memory->fields, &err);
	tm_maps_free(&maps);
	return memory->found;
}

/* The main interpreter's modules are the last. */
static bool find_module(struct tm_source_memory *memory, const char *name,
			tm_addr *ret)
{
	TM_GUARD(py_interpreters_free) struct py_interpreters list = { 0 };
	tm_addr modules;
	struct tm_err err;

	if (!find_python(memory) ||
	    !py_interpreters_read(memory->mem, &memory->runtime, &memory->fields,
				  &list, &err))
		return false;
	for (size_t i = list.n; i-- > 0;)
		if (py_modules(memory->mem, &memory->runtime, &memory->fields,
			       list.items[i], &modules) &&
		    py_module_dict(memory->mem, &memory->runtime, modules, name, ret))
			return true;
	return false;
}

static bool is(struct tm_source_memory *memory, tm_addr object, enum py_object_kind kind)
{
	return py_object_is(memory->mem, &memory->runtime, object, kind);
}

static bool equals(struct tm_source_memory *memory, tm_addr object, const char *text,
		   size_t len)
{
	return py_str_equals(memory->mem, &memory->runtime.str, object, text, len);
}

/* ---- linecache -------------------------------------------------------------------- */

/* What linecache keeps of a file: (size, mtime, lines, fullname). */
struct cached {
	tm_addr mtime, lines, fullname;
};

static bool read_entry(struct tm_source_memory *memory, tm_addr value,
		       struct cached *ret)
{
	struct py_sequence tuple;

	return py_sequence_read(memory->mem, &memory->runtime, value, &tuple) &&
	       tuple.n == 4 &&
	       py_sequence_item(memory->mem, &tuple, 1, &ret->mtime) &&
	       py_sequence_item(memory->mem, &tuple, 2, &ret->lines) &&
	       py_sequence_item(memory->mem, &tuple, 3, &ret->fullname);
}

/* Code that is typed or given with -c is kept under its code object, or under
 * its description; its name is in the entry then. */
static bool find_entry(struct tm_source_memory *memory, tm_addr dict,
		       const char *name, size_t len, struct cached *ret)
{
	struct py_dict_entry entry;
	struct py_dict_iter iter;

	if (!py_dict_begin(memory->mem, &memory->runtime, dict, &iter))
		return false;
	while (py_dict_next(&iter, &entry)) {
		if (equals(memory, entry.key, name, len)) {
			if (read_entry(memory, entry.value, ret))
				return true;
		} else if (!is(memory, entry.key, PY_IS_STR) &&
			   read_entry(memory, entry.value, ret) &&
			   equals(memory, ret->fullname, name, len)) {
			return true;
		}
	}
	return false;
}

/* `cache`; _interactive_cache, which has taken over typed code in releases of
 * 3.13; what IPython keeps besides both, until its version 7. */
static bool find_cached(struct tm_source_memory *memory, const char *name, size_t len,
			struct cached *ret)
{
	static const char *const dicts[] = {
		"cache", "_interactive_cache", "_ipython_cache",
	};
	tm_addr module, dict;

	if (!find_module(memory, "linecache", &module))
		return false;
	for (size_t i = 0; i < sizeof(dicts) / sizeof(dicts[0]); i++)
		if (py_dict_find(memory->mem, &memory->runtime, module, dicts[i],
				 &dict) &&
		    find_entry(memory, dict, name, len, ret))
			return true;
	return false;
}

/* An mtime that is a float and not after `until`; None is not a time at all. */
static bool is_old(struct tm_source_memory *memory, tm_addr mtime, double until)
{
	tm_addr header = memory->runtime.str.ob_type + 8, type, name;
	char text[6];
	struct tm_err err;
	double value;

	return tm_mem_u64(memory->mem, mtime + header - 8, &type, &err) &&
	       tm_mem_u64(memory->mem, type + header + 8, &name, &err) &&
	       tm_mem_read(memory->mem, name, text, sizeof(text), &err) &&
	       memcmp(text, "float", sizeof(text)) == 0 &&
	       tm_mem_read(memory->mem, mtime + header, &value, sizeof(value), &err) &&
	       value > 0 && value <= until;
}

static bool read_lines(struct tm_source_memory *memory, const struct py_sequence *lines,
		       struct tm_source_text *ret)
{
	TM_GUARD(tm_buf_free) struct tm_buf line = { 0 };
	struct tm_err err;
	tm_addr item;

	for (uint64_t i = 0; i < lines->n; i++) {
		tm_buf_clear(&line);
		if (!py_sequence_item(memory->mem, lines, i, &item) ||
		    !is(memory, item, PY_IS_STR) ||
		    !py_str_read(memory->mem, &memory->runtime.str, item, &line, &err) ||
		    line.len > TM_SOURCE_MAX - ret->text.len)
			return false;
		tm_source_text_add(ret, line.data, line.len);
	}
	return ret->nlines > 0;
}

static bool is_unchanged(struct tm_source_memory *memory, const char *name, size_t len,
			 const struct cached *before, const struct py_sequence *lines)
{
	struct py_sequence now;
	struct cached entry;

	return find_cached(memory, name, len, &entry) &&
	       entry.lines == before->lines &&
	       py_sequence_read(memory->mem, &memory->runtime, entry.lines, &now) &&
	       now.items == lines->items && now.n == lines->n;
}

bool tm_source_memory_lines(struct tm_source_memory *memory, const char *name,
			    size_t len, const double *until,
			    struct tm_source_text *ret)
{
	for (int i = 0; i < TRIES; i++) {
		struct py_sequence lines;
		struct cached entry;
		bool read;

		if (!find_cached(memory, name, len, &entry) ||
		    (until && !is_old(memory, entry.mtime, *until)) ||
		    !py_sequence_read(memory->mem, &memory->runtime, entry.lines,
				      &lines) ||
		    lines.n > MAX_LINES)
			return false;
		read = read_lines(memory, &lines, ret);
		if (is_unchanged(memory, name, len, &entry, &lines) && read)
			return true;
		tm_source_text_free(ret);
	}
	return false;
}

/* ---- -c, and sys.path -------------------------------------------------------------- */

static bool find_in_sys(struct tm_source_memory *memory, const char *name,
			struct py_sequence *ret)
{
	tm_addr module, list;

	return find_module(memory, "sys", &module) &&
	       py_dict_find(memory->mem, &memory->runtime, module, name, &list) &&
	       py_sequence_read(memory->mem, &memory->runtime, list, ret);
}

static bool read_str(struct tm_source_memory *memory, const struct py_sequence *list,
		     uint64_t i, struct tm_buf *ret)
{
	struct tm_err err;
	tm_addr item;

	return py_sequence_item(memory->mem, list, i, &item) &&
	       is(memory, item, PY_IS_STR) &&
	       py_str_read(memory->mem, &memory->runtime.str, item, ret, &err);
}

/* Words that end with a NUL each; as many as there are, in `ret`. */
static size_t split_words(const struct tm_buf *bytes, const char **ret)
{
	const char *p = bytes->data, *end = p + bytes->len;
	size_t n = 0;

	for (; p < end && n < MAX_WORDS; p += strlen(p) + 1)
		ret[n++] = p;
	return n;
}

static bool take_command(const struct tm_buf *bytes, struct tm_buf *ret)
{
	TM_GUARD(tm_free_ptr) const char **words =
		tm_reallocarray(NULL, MAX_WORDS, sizeof(*words));
	const char *text = bytes->len
		? tm_command_text(words, split_words(bytes, words)) : NULL;

	if (text)
		tm_buf_adds(ret, text);
	return text != NULL;
}

/* sys.orig_argv (3.10): a process may have written another title over its
 * command line. */
static bool read_orig_argv(struct tm_source_memory *memory, struct tm_buf *ret)
{
	TM_GUARD(tm_buf_free) struct tm_buf word = { 0 };
	struct py_sequence list;

	if (!find_in_sys(memory, "orig_argv", &list))
		return false;
	for (uint64_t i = 0; i < list.n && i < MAX_WORDS; i++) {
		tm_buf_clear(&word);
		if (!read_str(memory, &list, i, &word) ||
		    ret->len + word.len > COMMAND_MAX)
			return false;
		tm_buf_add(ret, word.data, strlen(word.data));
		tm_buf_addc(ret, '\0');
	}
	return true;
}

static void read_cmdline(pid_t pid, struct tm_buf *ret)
{
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	n = target_slurp(path, tm_buf_room(ret, COMMAND_MAX), COMMAND_MAX);
	if (n > 0)
		ret->len += (size_t)n;
}

bool tm_source_memory_command(struct tm_source_memory *memory, struct tm_buf *ret)
{
	TM_GUARD(tm_buf_free) struct tm_buf words = { 0 };

	if (!find_python(memory))
		return false;
	if (!read_orig_argv(memory, &words) && memory->pid) {
		tm_buf_clear(&words);
		read_cmdline(memory->pid, &words);
	}
	return take_command(&words, ret);
}

bool tm_source_memory_path(struct tm_source_memory *memory, size_t i,
			   struct tm_buf *ret)
{
	struct py_sequence list;

	return find_in_sys(memory, "path", &list) && i < list.n &&
	       (read_str(memory, &list, i, ret) || true);
}
