#include "trace/recorder_modules.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "trace/recorder_copy.h"

void tm_recorder_modules_free(struct tm_recorder_modules *modules)
{
	for (size_t i = 0; modules->names && i <= modules->n; i++)
		free(modules->names[i]);
	free(modules->names);
	free(modules->modules);
	*modules = (struct tm_recorder_modules){ 0 };
}

/* Within the table, and ended; else none. */
static char *read_name(struct tm_mem *mem, tm_addr table, uint64_t size, uint64_t at)
{
	char bytes[TM_LOADER_MAX_NAME] = "";
	size_t len = 0;

	if (at && tm_recorder_inside(at, 1, size))
		len = tm_mem_read_some(mem, table + at, bytes, size - at < sizeof(bytes)
				       ? (size_t)(size - at) : sizeof(bytes));
	return tm_strdup(len && memchr(bytes, '\0', len) ? bytes : "");
}

static bool read_records(struct tm_mem *mem, tm_addr at, const struct tm_recorder_table *table,
			 struct tm_recorder_modules *ret, struct tm_err *err)
{
	ret->modules = tm_calloc(ret->n + 1, sizeof(*ret->modules));
	ret->names = tm_calloc(ret->n + 1, sizeof(*ret->names));
	if (!tm_mem_read(mem, at + table->loader + offsetof(struct tm_recorder_loader, modules),
			 ret->modules, (ret->n + 1) * sizeof(*ret->modules), err))
		return false;
	for (size_t i = 1; i <= ret->n; i++) {
		if (ret->modules[i].build_id_len > sizeof(ret->modules[i].build_id))
			return tm_recorder_damaged(err);
		ret->names[i] = read_name(mem, at, table->size, ret->modules[i].name);
	}
	return true;
}

bool tm_recorder_modules_read(struct tm_mem *mem, tm_addr at,
			      const struct tm_recorder_table *table,
			      struct tm_recorder_modules *ret, struct tm_err *err)
{
	struct tm_recorder_loader head;
	const size_t len = offsetof(struct tm_recorder_loader, index);

	*ret = (struct tm_recorder_modules){ 0 };
	if (!tm_recorder_inside(table->loader, sizeof(head), table->size))
		return tm_recorder_damaged(err);
	if (!tm_mem_read(mem, at + table->loader, &head, len, err))
		return false;
	if (head.nmodules >= TM_LOADER_MODULES || head.ninitial > head.nmodules)
		return tm_recorder_damaged(err);
	*ret = (struct tm_recorder_modules){
		.watched = head.debug != 0, .missed = head.missed,
		.ninitial = head.ninitial, .started_ns = head.started_ns, .n = head.nmodules,
	};
	if (read_records(mem, at, table, ret, err))
		return true;
	tm_recorder_modules_free(ret);
	return false;
}

static size_t number_at(const struct tm_recorder_modules *modules, size_t from, size_t to,
			uint64_t at)
{
	for (size_t i = from; i <= to; i++)
		if (at >= modules->modules[i].start && at < modules->modules[i].end)
			return i;
	return 0;
}

enum tm_recorder_owner tm_recorder_owner(const struct tm_recorder_modules *modules,
					 uint64_t word, size_t *ret)
{
	const unsigned number = tm_pc_module(word);
	const uint64_t at = (word & TM_PC_ADDRESS) - 1;

	*ret = number;
	if (number == TM_PC_NOWHERE)
		return modules->missed ? TM_OWNER_LOST : TM_OWNER_NOBODY;
	if (number)
		return number <= modules->n ? TM_OWNER_MODULE : TM_OWNER_LOST;
	*ret = number_at(modules, 1, modules->ninitial, at);
	if (*ret)
		return TM_OWNER_MODULE;
	return number_at(modules, modules->ninitial + 1, modules->n, at) ? TM_OWNER_LOST
									 : TM_OWNER_PRESENT;
}
