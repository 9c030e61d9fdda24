#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <locale.h>
#include <string.h>
#include <stdlib.h>
#include <cmocka.h>

#include "screen.h"
#include "text.h"

static void assert_shown(const char *bytes, size_t len, bool utf8,
			 const char *want, size_t columns)
{
	struct screen screen;
	char *got;

	screen_init(&screen, utf8);
	screen_clear(&screen, 1, 60);
	assert_int_equal(screen_text(&screen, 0, 0, 60, ROLE_NORMAL,
				     (struct tm_text){ bytes, len }), columns);
	assert_int_equal(text_width((struct tm_text){ bytes, len }, utf8), columns);
	got = screen_dump(&screen, false);
	got[strlen(got) - 1] = '\0';
	assert_string_equal(got, want);
	free(got);
	screen_deinit(&screen);
}

#define SHOWN(text, want, columns) \
	assert_shown(text, sizeof(text) - 1, true, want, columns)
#define SHOWN_ASCII(text, want, columns) \
	assert_shown(text, sizeof(text) - 1, false, want, columns)

static void what_would_act_on_a_terminal_is_escaped(void **state)
{
	(void)state;
	SHOWN("\x1b[31mred", "\\x1b[31mred", 11);
	SHOWN("a\nb\tc\rd\0e", "a\\nb\\tc\\x0dd\\x00e", 17);
	SHOWN("\x7f", "\\x7f", 4);
	SHOWN("\xc2\x9b", "\\x9b", 4);             /* C1: another CSI */
	SHOWN("\xe2\x80\xae" "evil", "\\u202eevil", 10);  /* right to left */
	SHOWN("zero\xe2\x80\x8bwidth", "zero\\u200bwidth", 15);
	SHOWN("\xf3\xa0\x81\x81", "\\U000e0041", 10);  /* a tag */
}

static void what_is_no_text_is_escaped(void **state)
{
	(void)state;
	SHOWN("\xff\xfe", "\\xff\\xfe", 8);
	SHOWN("\xc0\xaf", "\\xc0\\xaf", 8);             /* overlong */
	SHOWN("\xed\xb3\xbf", "\\udcff", 6);            /* surrogateescape */
	SHOWN("\xe6\x97", "\\xe6\\x97", 8);             /* cut off */
	SHOWN("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80", 16);
}

static void wide_characters_and_marks_take_their_columns(void **state)
{
	(void)state;
	SHOWN("\xe6\x97\xa5\xe6\x9c\xac", "\xe6\x97\xa5\xe6\x9c\xac", 4);
	SHOWN("e\xcc\x81x", "e\xcc\x81x", 2);
	SHOWN("\xe6\x97\xa5\xcc\x81x", "\xe6\x97\xa5\xcc\x81x", 3);
	SHOWN("\xcc\x81x", " \xcc\x81x", 2);            /* nothing to stand on */
	SHOWN("e\xcc\x81\xcc\x82\xcc\x83\xcc\x84", "e\xcc\x81\xcc\x82\xcc\x83", 1);
	SHOWN_ASCII("\xc3\xa9t\xc3\xa9", "\\u00e9t\\u00e9", 13);
}

static void a_wide_character_is_never_cut(void **state)
{
	struct screen screen;
	char *got;

	(void)state;
	screen_init(&screen, true);
	screen_clear(&screen, 2, 3);
	assert_int_equal(screen_puts(&screen, 0, 0, 3, ROLE_NORMAL,
				     "\xe6\x97\xa5\xe6\x9c\xac"), 2);
	screen_puts(&screen, 1, 0, 3, ROLE_NORMAL, "\xe6\x97\xa5");
	screen_puts(&screen, 1, 1, 1, ROLE_NORMAL, "x"); /* over its right half */
	got = screen_dump(&screen, false);
	assert_string_equal(got, "\xe6\x97\xa5\n x\n");
	free(got);
	screen_deinit(&screen);
}

static void tails_and_heads_fit(void **state)
{
	struct tm_text text = text_of("ab\xe6\x97\xa5" "e\xcc\x81z"), part;

	(void)state;
	part = text_tail(text, 2, true);
	assert_int_equal(part.len, 4); /* the accent stays with its letter */
	part = text_tail(text, 1, true);
	assert_string_equal(part.bytes, "z");
	part = text_head(text, 3, true);
	assert_int_equal(part.len, 2);
	part = text_head(text, 5, true);
	assert_int_equal(part.len, 8);
	assert_int_equal(text_tail(text, 0, true).len, 0);
}

static void numbers_are_grouped(void **state)
{
	char buf[32];

	(void)state;
	assert_string_equal(text_count(buf, 0), "0");
	assert_string_equal(text_count(buf, 999), "999");
	assert_string_equal(text_count(buf, 1000), "1 000");
	assert_string_equal(text_count(buf, 18446744073709551615u),
			    "18 446 744 073 709 551 615");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_would_act_on_a_terminal_is_escaped),
		cmocka_unit_test(what_is_no_text_is_escaped),
		cmocka_unit_test(wide_characters_and_marks_take_their_columns),
		cmocka_unit_test(a_wide_character_is_never_cut),
		cmocka_unit_test(tails_and_heads_fit),
		cmocka_unit_test(numbers_are_grouped),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests_name("tui_text", tests, NULL, NULL);
}
