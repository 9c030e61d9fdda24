#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "keys.h"

/*
 * The manual tells the keys that the key table has. UPDATE=1 writes them anew.
 */

#define MANUAL "src/cli/tmattach.1.scd"
#define TITLE "# KEYS OF THE LIVE VIEW\n\n"

static void put_key(FILE *out, int key)
{
	char name[16];

	fputc('*', out);
	for (const char *p = keys_name(name, key); *p; p++) {
		if (strchr("*_\\", *p))
			fputc('\\', out);
		fputc(*p, out);
	}
	fputc('*', out);
}

static char *keys_text(void)
{
	static char *text;
	static size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	for (size_t i = 0; i < keys_count(); i++) {
		const struct key_binding *binding = keys_at(i);

		if (!binding->help)
			continue;
		for (int k = 0; k < KEYS_PER_BINDING && binding->keys[k]; k++) {
			fputs(k ? ", " : "", out);
			put_key(out, binding->keys[k]);
		}
		fprintf(out, "\n\t%s\n\n", binding->help);
	}
	fclose(out);
	return text;
}

static char *manual_text(void)
{
	static char *text;
	static size_t size;
	FILE *in = fopen(MANUAL, "r");

	assert_non_null(in);
	assert_true(getdelim(&text, &size, '\0', in) > 0);
	fclose(in);
	return text;
}

static void update(const char *manual, const char *start, const char *end,
		   const char *keys)
{
	FILE *out = fopen(MANUAL, "w");

	assert_non_null(out);
	fprintf(out, "%.*s%s%s", (int)(start - manual), manual, keys, end);
	assert_int_equal(fclose(out), 0);
}

static void the_manual_tells_every_key(void **state)
{
	char *manual = manual_text(), *keys = keys_text(), *start, *end;

	(void)state;
	start = strstr(manual, TITLE);
	assert_non_null(start);
	start += strlen(TITLE);
	end = strstr(start, "# ");
	assert_non_null(end);
	if (getenv("UPDATE"))
		update(manual, start, end, keys);
	else if (strlen(keys) != (size_t)(end - start) ||
		 memcmp(start, keys, strlen(keys)) != 0)
		fail_msg(MANUAL " tells other keys than these:\n%s", keys);
	free(manual);
	free(keys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_manual_tells_every_key),
	};

	return cmocka_run_group_tests_name("tui_keys", tests, NULL, NULL);
}
