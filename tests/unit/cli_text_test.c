#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/utf8.h"
#include "cli/message.h"
#include "cli/number.h"
#include "cli/text.h"

static void assert_escaped(const char *bytes, size_t len, const char *want)
{
	struct tm_buf out = { 0 };

	tm_utf8_add_visible(&out, bytes, len);
	assert_string_equal(out.data, want);
	assert_int_equal(out.len, strlen(want));
	tm_buf_free(&out);
}

#define ESCAPED(bytes, want) assert_escaped(bytes, sizeof(bytes) - 1, want)

static void plain_text_stays(void **state)
{
	(void)state;
	ESCAPED("/srv/app.py:12: size=1 B", "/srv/app.py:12: size=1 B");
	ESCAPED("a\tb \\x1b", "a\tb \\x1b");
	ESCAPED("\xc3\xa9\xe6\xbc\xa2\xf0\x9f\x90\x8d",
		"\xc3\xa9\xe6\xbc\xa2\xf0\x9f\x90\x8d");
}

static void control_characters_become_visible(void **state)
{
	(void)state;
	ESCAPED("\x1b[31m\r\n\x7f", "\\x1b[31m\\x0d\\x0a\\x7f");
	ESCAPED("a\0b", "a\\x00b");
	/* C1: CSI as one character */
	ESCAPED("\xc2\x9b" "31m\xc2\xa0", "\\x9b31m\xc2\xa0");
}

static void what_reorders_a_line_becomes_visible(void **state)
{
	(void)state;
	ESCAPED("\xe2\x80\xae" "x\xe2\x81\xa6\xe2\x80\xa8",
		"\\u202ex\\u2066\\u2028");
	ESCAPED("\xe2\x80\x8e\xe2\x80\x8d", "\\u200e\xe2\x80\x8d");
	ESCAPED("\xe2\x80\xaf", "\xe2\x80\xaf");
}

static void surrogates_and_bad_bytes_become_visible(void **state)
{
	(void)state;
	ESCAPED("caf\xed\xb3\xa9", "caf\\udce9");
	ESCAPED("\xed\xa0\x80", "\\ud800");
	ESCAPED("\xff\xc3", "\\xff\\xc3");
	ESCAPED("\xc0\xaf\xe0\x80\xaf", "\\xc0\\xaf\\xe0\\x80\\xaf");
	ESCAPED("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");
	ESCAPED("\xe6\xbc", "\\xe6\\xbc");
}

static void assert_arg(const char *arg, const char *want)
{
	struct tm_text text = cli_text_from_arg(arg);

	assert_string_equal(text.bytes, want);
	assert_int_equal(text.len, strlen(want));
	free((char *)text.bytes);
}

static void arguments_are_decoded_as_fsdecode_does(void **state)
{
	(void)state;
	assert_arg("", "");
	assert_arg("*/\xc3\xa9.py", "*/\xc3\xa9.py");
	assert_arg("caf\xe9", "caf\xed\xb3\xa9");
	/* A surrogate's bytes are no UTF-8: three escapes. */
	assert_arg("\xed\xa0\x80", "\xed\xb3\xad\xed\xb2\xa0\xed\xb2\x80");
}

static void numbers_are_the_whole_word(void **state)
{
	static const char *const bad[] = {
		"", "-1", "+1", " 1", "1 ", "1x", "0x1", "101",
		"18446744073709551616", "99999999999999999999999",
	};
	uint64_t value;
	double seconds;

	(void)state;
	assert_true(cli_number("0100", 100, &value));
	assert_int_equal(value, 100);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(cli_number(bad[i], 100, &value));
	assert_true(cli_seconds("0.25", &seconds));
	assert_true(seconds == 0.25);
	assert_false(cli_seconds("0", &seconds));
	assert_false(cli_seconds("nan", &seconds));
	assert_false(cli_seconds("1s", &seconds));
	assert_false(cli_seconds("1e9", &seconds));
}

static void an_exit_status_says_what_failed(void **state)
{
	static const struct {
		enum tm_err_kind kind;
		enum cli_exit process, file;
	} want[] = {
		{ TM_ERR_OS, CLI_FAILED, CLI_FAILED },
		{ TM_ERR_GONE, CLI_NO_TARGET, CLI_FAILED },
		{ TM_ERR_DENIED, CLI_NO_TARGET, CLI_FAILED },
		{ TM_ERR_UNSUPPORTED, CLI_NO_TARGET, CLI_FAILED },
		{ TM_ERR_NO_RUNTIME, CLI_NO_TARGET, CLI_FAILED },
		{ TM_ERR_BUSY, CLI_FAILED, CLI_FAILED },
		{ TM_ERR_CORRUPT, CLI_FAILED, CLI_FAILED },
		{ TM_ERR_USAGE, CLI_USAGE, CLI_USAGE },
		{ TM_ERR_NOT_TRACED, CLI_NOT_TRACED, CLI_NOT_TRACED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		struct tm_err err = { .kind = want[i].kind };

		assert_int_equal(cli_exit_status(&err, CLI_ABOUT_PROCESS),
				 want[i].process);
		assert_int_equal(cli_exit_status(&err, CLI_ABOUT_FILE),
				 want[i].file);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_text_stays),
		cmocka_unit_test(control_characters_become_visible),
		cmocka_unit_test(what_reorders_a_line_becomes_visible),
		cmocka_unit_test(surrogates_and_bad_bytes_become_visible),
		cmocka_unit_test(arguments_are_decoded_as_fsdecode_does),
		cmocka_unit_test(numbers_are_the_whole_word),
		cmocka_unit_test(an_exit_status_says_what_failed),
	};

	return cmocka_run_group_tests_name("cli_text", tests, NULL, NULL);
}
