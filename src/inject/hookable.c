/*
 * Which functions are hooked, and which are done without where they cannot be. Each is
 * asked for itself: what one function of an image has tells nothing of the next.
 */
#include <stdio.h>
#include <string.h>

#include "arch/arch.h"
#include "base/log.h"
#include "inject/private.h"
#include "inject/records.h"

enum { ENOUGH = 16 };

enum inject_lack inject_lack_of(const struct tm_function *function)
{
	if (tm_function_is_malloc(function))
		return INJECT_LACK_REFUSED;
	switch (function->kind) {
	case TM_HOOK_FREE:
	case TM_HOOK_REALLOC:
	case TM_HOOK_REALLOCARRAY:
		return INJECT_LACK_REFUSED;
	case TM_HOOK_MALLOC:
	case TM_HOOK_CALLOC:
	case TM_HOOK_ALIGNED:
	case TM_HOOK_POSIX_MEMALIGN:
	case TM_HOOK_NEW:
	case TM_HOOK_MMAP:
	case TM_HOOK_MUNMAP:
	case TM_HOOK_MREMAP:
	case TM_HOOK_BRK:
		return INJECT_LACK_MISSED;
	case TM_HOOK_LOADER: /* asked by inject_loader_take() */
	case TM_HOOK_COUNT:
		break;
	}
	return INJECT_LACK_REFUSED;
}

static size_t read_code(struct tm_injection *in, const struct tm_function *function,
			uint8_t ret[ENOUGH])
{
	return tm_mem_read_some(in->mem, function->address, ret, ENOUGH);
}

/* It neither gives nor takes: it need not be hooked, and often cannot be. */
static bool is_idle(struct tm_injection *in, const struct tm_function *function)
{
	uint8_t bytes[ENOUGH];

	return tm_recorder_allocates(function->kind) &&
	       tm_function_is_idle(bytes, read_code(in, function, bytes));
}

/* Does all that it does happen in another function of this kind, which has a hook? */
static bool hands_on(struct tm_injection *in, const struct tm_function *function,
		     const struct tm_functions *functions)
{
	uint8_t bytes[ENOUGH];
	const tm_addr to = tm_function_jumps_to(bytes, read_code(in, function, bytes),
						function->address);
	struct tm_err err;

	for (size_t i = 0; to && i < functions->n; i++)
		if (functions->items[i].address == to &&
		    functions->items[i].kind == function->kind)
			return inject_can_hook(in, &functions->items[i], &err);
	return false;
}

void inject_note_missed(struct tm_functions *functions, const char *name)
{
	const size_t len = strlen(functions->unhooked);

	snprintf(functions->unhooked + len, sizeof(functions->unhooked) - len, "%s%s",
		 len ? ", " : "", name);
}

/* What cannot be done without stays in the list: who hooks it is told why it fails. */
static bool is_done_without(struct tm_injection *in, const struct tm_function *function,
			    struct tm_functions *functions)
{
	struct tm_err err;

	if (is_idle(in, function)) {
		tm_log("%s() only returns", function->name);
		return true;
	}
	if (inject_can_hook(in, function, &err))
		return false;
	tm_log("%s", err.cause);
	if (hands_on(in, function, functions))
		return true;
	if (inject_lack_of(function) != INJECT_LACK_MISSED)
		return false;
	inject_note_missed(functions, function->name);
	return true;
}

void inject_keep_hookable(struct tm_injection *in, struct tm_functions *functions, size_t from)
{
	size_t kept = from;

	/* All of them are looked at while all are in the list. */
	for (size_t i = from; i < functions->n; i++)
		functions->items[i].skipped =
			is_done_without(in, &functions->items[i], functions);
	for (size_t i = from; i < functions->n; i++)
		if (!functions->items[i].skipped)
			functions->items[kept++] = functions->items[i];
	functions->n = kept;
}

bool inject_all_hookable(struct tm_injection *in, const struct tm_functions *functions,
			 struct tm_err *err)
{
	for (size_t i = 0; i < functions->n; i++) {
		if (inject_can_hook(in, &functions->items[i], err))
			continue;
		return tm_function_is_malloc(&functions->items[i])
			? false
			: tm_err_hint(err, "blocks that it takes back would count as alive: "
				      "nothing is recorded");
	}
	return true;
}

/* ---- what is told of it ------------------------------------------------------------ */

static bool is_news(const char *text, char told[TM_UNHOOKED_LEN])
{
	const bool news = text[0] && strcmp(text, told) != 0;

	memcpy(told, text, strlen(text) + 1);
	return news;
}

bool tm_inject_missed(struct tm_injection *in, char *ret, size_t size)
{
	if (is_news(in->unhooked, in->told[0])) {
		snprintf(ret, size, "%s cannot be hooked: what is allocated or mapped by that "
			 "is not seen", in->unhooked);
		return true;
	}
	if (!is_news(in->refused, in->told[1]))
		return false;
	snprintf(ret, size, "nothing that %s", in->refused);
	return true;
}
