#include "session/functions.h"

#include "base/guard.h"
#include "py/functions.h"
#include "session/blocks.h"
#include "session/function_names.h"

/* One search. */
struct finding {
	struct tm_function_names *names;
	const struct py_functions *found;
	bool lacks;
};

static void note_file(void *ctx, struct tm_text filename, uint32_t lineno)
{
	struct finding *finding = ctx;

	finding->lacks |= tm_function_names_lacks(finding->names, filename, lineno);
}

static void take_name(void *ctx, struct tm_text filename, uint32_t lineno)
{
	struct finding *finding = ctx;
	uint32_t file = tm_function_names_file(finding->names, filename);

	tm_function_names_add(finding->names, filename, lineno,
			      py_functions_at(finding->found, file, lineno));
}

static void destroy_functions(struct py_functions **functions)
{
	py_functions_destroy(*functions);
}

bool tm_functions_find(struct tm_session *session, const struct tm_instant *instant,
		       const struct tm_collected *collected)
{
	TM_GUARD(heap_blocks_free) struct heap_blocks blocks = { 0 };
	TM_GUARD(py_arena_list_free) struct py_arena_list arenas = { 0 };
	TM_GUARD(destroy_functions) struct py_functions *found = NULL;
	struct finding finding = { 0 };
	struct heap_heads heads;
	struct tm_err err;

	finding.names = session->functions;
	tm_collected_lines(collected, &session->runtime, note_file, &finding);
	if (!finding.lacks)
		return true;
	found = py_functions_begin(instant->mem, &session->runtime, &finding.names->files,
				   &err);
	finding.names->unsupported = !found && err.kind == TM_ERR_UNSUPPORTED;
	if (!found)
		return true;
	heads = py_functions_heads(found);
	if (tm_blocks_read(session, instant->mem, &heads, &arenas, &blocks)) {
		/* Nor will another instant do. */
		finding.names->unsupported = session->runtime.free_threaded && !arenas.n;
		return finding.names->unsupported;
	}
	py_functions_finish(found, &session->maps);
	finding.found = found;
	tm_collected_lines(collected, &session->runtime, take_name, &finding);
	return true;
}
