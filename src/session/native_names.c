#include "session/native_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "native/elf_file.h"

struct tm_native_names {
	struct tm_session *session;
	struct tm_symbolizer *symbolizer;
	struct tm_recorder_modules modules;
	/* By number: what is not mapped any more. Records stay as they are, of one recorder. */
	struct native_module **remembered;
	size_t nremembered;
	struct native_module *lost;
	size_t nremarked; /* modules that the user was told of */
	bool settled; /* the modules are those of the mappings that were read */
};

void tm_native_names_destroy(struct tm_native_names *names)
{
	if (!names)
		return;
	tm_recorder_modules_free(&names->modules);
	free(names->remembered);
	free(names);
}

/* Mappings, headers and records of one moment, if modules do not come and go all the time. */
static bool read_settled(struct tm_native_names *names, struct tm_mem *table, tm_addr at,
			 const struct tm_recorder_table *head,
			 struct tm_recorder_modules *ret, struct tm_err *err)
{
	enum { TRIES = 8 };
	const tm_addr changes = at + offsetof(struct tm_recorder_table, changes);
	struct native_modules *native = &names->session->modules;
	uint32_t before = 0, after = 0;
	bool ok = true;

	names->settled = false;
	for (int i = 0; i < TRIES && ok && !names->settled; i++) {
		tm_recorder_modules_free(ret);
		ok = tm_mem_read(table, changes, &before, sizeof(before), err) &&
		     tm_subject_refresh(names->session, err);
		names->symbolizer = tm_subject_symbolizer(names->session);
		/* In most processes nothing ever changes. */
		if (before)
			native_modules_read_all(native);
		ok = ok && tm_recorder_modules_read(table, at, head, ret, err) &&
		     tm_mem_read(table, changes, &after, sizeof(after), err);
		names->settled = ok && before == after;
		native_modules_prove(native, names->settled);
	}
	return ok;
}

/* Another recorder has other records. */
static void take_modules(struct tm_native_names *names, struct tm_recorder_modules *modules)
{
	if (modules->started_ns != names->modules.started_ns || modules->n < names->modules.n)
		names->nremembered = 0;
	names->remembered = tm_realloc(names->remembered,
				       (modules->n + 1) * sizeof(names->remembered[0]));
	for (size_t i = names->nremembered; i <= modules->n; i++)
		names->remembered[i] = NULL;
	names->nremembered = modules->n + 1;
	tm_recorder_modules_free(&names->modules);
	names->modules = *modules;
}

struct tm_native_names *tm_native_names(struct tm_session *session, struct tm_mem *table,
					tm_addr at, const struct tm_recorder_table *head,
					struct tm_err *err)
{
	struct tm_recorder_modules modules = { 0 };

	if (!session->names) {
		session->names = tm_calloc(1, sizeof(*session->names));
		session->names->session = session;
	}
	if (!read_settled(session->names, table, at, head, &modules, err))
		return NULL;
	take_modules(session->names, &modules);
	return session->names;
}

void tm_native_names_remark(struct tm_native_names *names)
{
	const struct tm_recorder_modules *modules = &names->modules;
	const char *first = NULL;
	size_t n = 0;

	for (size_t i = 1; i <= modules->n; i++)
		if (modules->modules[i].hooked_late) {
			first = first ? first : modules->names[i];
			n++;
		}
	if (n > names->nremarked)
		tm_subject_note(names->session, "%s was loaded after the start with an allocator "
				"of its own%s: what that gave out before tmattach looked is not recorded",
				first, n > 1 ? ", and others were" : "");
	names->nremarked = n;
}

/* ---- modules that are not there any more --------------------------------------------- */

/* The loader has the path that the program gave, which may count from where it was then.
 * That is where it is now if the file there is the right one. */
static struct native_module *remember(struct tm_native_names *names, size_t number)
{
	const struct tm_recorder_loaded *record = &names->modules.modules[number];
	struct native_remembered what = {
		.path = names->modules.names[number], .bias = record->bias,
		.build_id = record->build_id, .build_id_len = record->build_id_len,
		.unchanged_ns = record->is_deleted || names->modules.names[number][0] != '/'
			? 0 : names->modules.started_ns,
	};
	struct native_module *module;
	char link[64], cwd[TM_LOADER_MAX_NAME];
	ssize_t len;

	if (what.path[0] == '/' || !what.path[0] || names->session->core)
		return native_modules_remember(&names->session->modules, &what);
	snprintf(link, sizeof(link), "/proc/%d/cwd", (int)names->session->process.pid);
	len = readlink(link, cwd, sizeof(cwd));
	if (len > 0 && (size_t)len < sizeof(cwd)) {
		TM_GUARD(tm_free_ptr) char *path =
			tm_asprintf("%.*s/%s", (int)len, cwd, what.path);
		struct native_remembered absolute = what;

		absolute.path = path;
		module = native_modules_remember(&names->session->modules, &absolute);
		if (native_elf_has_file(module, names->session->process.pid))
			return module;
	}
	return native_modules_remember(&names->session->modules, &what);
}

static const struct native_module *lost(struct tm_native_names *names)
{
	const struct native_remembered what = { .path = "<unloaded>" };

	if (!names->lost)
		names->lost = native_modules_remember(&names->session->modules, &what);
	return names->lost;
}

static bool has_build_id(const struct native_module *module,
			 const struct tm_recorder_loaded *record)
{
	return module->image.build_id_len == record->build_id_len &&
	       memcmp(module->image.build_id, record->build_id, record->build_id_len) == 0;
}

/* Is what is mapped there now the same as what was there? */
static bool is_present(const struct tm_native_names *names, size_t number,
		       const struct native_module *module)
{
	const struct tm_recorder_loaded *record = &names->modules.modules[number];

	if (record->state != TM_LOADED_HERE || module->image.bias != record->bias ||
	    !has_build_id(module, record))
		return false;
	return names->modules.watched
		? names->settled
		: record->build_id_len || strcmp(module->path, names->modules.names[number]) == 0;
}

static const struct native_module *module_of(struct tm_native_names *names, size_t number,
					     tm_addr at)
{
	struct native_module *present = native_modules_find(&names->session->modules, at);

	if (present && is_present(names, number, present))
		return present;
	/* Who is not watched may have left, and another taken the place, and so on. */
	if (!names->modules.watched && present)
		return lost(names);
	if (!names->remembered[number])
		names->remembered[number] = remember(names, number);
	return names->remembered[number];
}

struct tm_code_place tm_native_names_place(struct tm_native_names *names, uint64_t word)
{
	const tm_addr pc = word & TM_PC_ADDRESS;
	const struct native_module *module = NULL;
	size_t number;

	switch (tm_recorder_owner(&names->modules, word, &number)) {
	case TM_OWNER_PRESENT:
		return tm_symbolize(names->symbolizer, pc, true);
	case TM_OWNER_NOBODY:
		return tm_symbolize_generated(names->symbolizer, pc, true);
	case TM_OWNER_MODULE:
		module = module_of(names, number, pc - 1);
		break;
	case TM_OWNER_LOST:
		break;
	}
	if (!module)
		module = lost(names);
	return tm_symbolize_offset(names->symbolizer, module, pc - module->image.bias, true);
}
