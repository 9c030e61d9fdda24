#include "report/command.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"

/* Less is left as it is. */
enum { COMMON = 24, LONGEST = 240 };

/* ---- multiprocessing ------------------------------------------------------------ */

/* Its arguments up to the first list or dict, which hold search paths. */
static void add_arguments(struct tm_buf *buf, const char *text)
{
	size_t len = strcspn(text, "[{)*");

	tm_buf_add(buf, text, len);
	tm_buf_adds(buf, text[len] == ')' || text[len] == '\0' ? ")" : "...)");
}

/*
 * "... -c from multiprocessing.spawn import spawn_main; spawn_main(ARGS) ..."
 * as "... -c multiprocessing.spawn.spawn_main(ARGS)" (Lib/multiprocessing/
 * forkserver.py, spawn.py, resource_tracker.py of CPython 3.7 to 3.15).
 */
static char *shorten(const char *command)
{
	static const char from[] = "-c from ", import[] = " import ";
	const char *start = strstr(command, "-c from multiprocessing."), *module, *name, *call;
	struct tm_buf buf = { 0 };

	if (!start)
		return tm_strdup(command);
	module = start + sizeof(from) - 1;
	name = strstr(module, import);
	call = name ? strchr(name, ';') : NULL;
	call = call ? strchr(call, '(') : NULL;
	if (!call)
		return tm_strdup(command);
	tm_buf_add(&buf, command, (size_t)(start - command) + strlen("-c "));
	tm_buf_add(&buf, module, (size_t)(name - module));
	name += sizeof(import) - 1;
	tm_buf_addf(&buf, ".%.*s(", (int)strcspn(name, "; "), name);
	add_arguments(&buf, call + 1);
	return buf.data;
}

/* ---- what they have in common ------------------------------------------------------ */

static size_t common_length(const char *a, const char *b)
{
	size_t n = 0;

	while (a[n] && a[n] == b[n])
		n++;
	return n;
}

static bool ends_word(const char *command, size_t at)
{
	return command[at] == ' ' || command[at] == '\0';
}

/* To the end of a word. */
static size_t common_to_all(char *const *commands, size_t n)
{
	size_t len = n > 1 ? strlen(commands[0]) : 0;
	bool whole = true;

	for (size_t i = 1; i < n; i++) {
		size_t here = common_length(commands[0], commands[i]);

		len = here < len ? here : len;
	}
	for (size_t i = 0; i < n; i++)
		whole &= ends_word(commands[i], len);
	while (!whole && len > 0 && commands[0][--len] != ' ')
		;
	return len > COMMON ? len : 0;
}

/* Words that are the same in all do not distinguish them. */
static char *cut(const char *command, size_t common)
{
	const char *rest = command[common] ? command + common : command;
	size_t len = strlen(rest);

	return tm_asprintf("%s%.*s%s", rest == command ? "" : "...", LONGEST, rest,
			   len > LONGEST ? "..." : "");
}

char **report_cut_commands(const char *const *commands, size_t n)
{
	char **ret = tm_calloc(n + 1, sizeof(*ret));
	size_t common;

	for (size_t i = 0; i < n; i++)
		ret[i] = shorten(commands[i]);
	common = common_to_all(ret, n);
	for (size_t i = 0; i < n; i++) {
		char *whole = ret[i];

		ret[i] = cut(whole, i > 0 ? common : 0);
		free(whole);
	}
	return ret;
}

void report_free_commands(char **commands, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(commands[i]);
	free(commands);
}
