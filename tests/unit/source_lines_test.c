#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "session/source_decode.h"
#include "tmattach/source.h"

static char dir[] = "/tmp/tmattach-source-XXXXXX";

static int enter_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) && chdir(dir) == 0 ? 0 : -1;
}

static int leave_dir(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return chdir("/") == 0 && system(command) == 0 ? 0 : -1;
}

static void write_file(const char *name, const char *bytes, size_t len)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	close(fd);
}

/* A fresh look, so that no test depends on another's cache. */
static char *line_seen_by(pid_t pid, const char *name, uint32_t lineno)
{
	struct tm_source_lines *lines = tm_source_lines_create(pid);
	struct tm_text text = { name, strlen(name) };
	char *line = lines->line(lines->ctx, text, lineno);

	tm_source_lines_destroy(lines);
	return line;
}

static void assert_line(const char *name, uint32_t lineno, const char *want)
{
	char *line = line_seen_by(0, name, lineno);

	if (want)
		assert_string_equal(line ? line : "(none)", want);
	else
		assert_null(line);
	free(line);
}

static void assert_source(const char *bytes, size_t len, uint32_t lineno,
			  const char *want)
{
	write_file("source.py", bytes, len);
	assert_line("source.py", lineno, want);
}

#define SOURCE(s) s, sizeof(s) - 1

static void lines_end_as_universal_newlines_do(void **state)
{
	(void)state;
	assert_source(SOURCE("a\r\nb\rc\n\nd\fe\vf"), 1, "a");
	assert_line("source.py", 2, "b");
	assert_line("source.py", 3, "c");
	assert_line("source.py", 4, NULL);
	assert_line("source.py", 5, "d\fe\vf");
	assert_line("source.py", 6, NULL);
	assert_line("source.py", 0, NULL);
	assert_line("source.py", UINT32_MAX, NULL);
	assert_source(SOURCE(""), 1, NULL);
}

static void lines_are_stripped_as_str_strip_does(void **state)
{
	(void)state;
	assert_source(SOURCE("\t \f x = 1 \x1c\n"), 1, "x = 1");
	assert_source(SOURCE("\xc2\xa0\xe3\x80\x80y\xc3\xa9\xe2\x80\xa9\n"), 1,
		      "y\xc3\xa9");
	assert_source(SOURCE("\xe2\x80\x8bz\n"), 1, "\xe2\x80\x8bz");
	assert_source(SOURCE(" \t\n"), 1, NULL);
}

static void encodings_are_those_of_pep_263(void **state)
{
	(void)state;
	assert_source(SOURCE("\xef\xbb\xbf" "first\n"), 1, "first");
	assert_source(SOURCE("# coding: latin-1\n\xe9\n"), 2, "\xc3\xa9");
	assert_source(SOURCE("#!x\n# vim: fileencoding=cp1251 :\n\xe9\n"), 3,
		      "\xd0\xb9");
	assert_source(SOURCE("# -*- coding: utf_8-unix -*-\n\xc3\xa9\n"), 2,
		      "\xc3\xa9");
	assert_source(SOURCE("# coding=iso_8859_15\n\xa4\n"), 2, "\xe2\x82\xac");
	assert_source(SOURCE("# coding: mac_roman\n\x8e\n"), 2, "\xc3\xa9");
	/* A cookie behind code is none. */
	assert_source(SOURCE("x\n# coding: latin-1\n\xe9\n"), 1, NULL);
}

/* The tables are made when tmattach is built: here one of each shape is read. */
static void old_encodings_are_read(void **state)
{
	static const struct { const char *name, *bytes, *text; } good[] = {
		{ "iso-8859-15", "\xa4\xa6",
		  "\xe2\x82\xac\xc5\xa0" },
		{ "windows-1252", "\x80\x92",
		  "\xe2\x82\xac\xe2\x80\x99" },
		{ "koi8-r", "\xf0\xd2\xc9\xd7\xc5\xd4",
		  "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82" },
		{ "euc-jp", "\xc6\xfc\x8e\xb1\x8f\xb0\xa1",
		  "\xe6\x97\xa5\xef\xbd\xb1\xe4\xb8\x82" },
		{ "Shift_JIS", "\x93\xfa\x96\x7b\xb1",
		  "\xe6\x97\xa5\xe6\x9c\xac\xef\xbd\xb1" },
		{ "gb18030", "\xd6\xd0\xa2\xe3\x94\x39\xfc\x36\x84\x31\x98\x38",
		  "\xe4\xb8\xad\xe2\x82\xac\xf0\x9f\x98\x80\xef\xbe\x80" },
		{ "gbk", "\xd6\xd0\xce\xc4",
		  "\xe4\xb8\xad\xe6\x96\x87" },
		{ "gb2312", "\xd6\xd0\xce\xc4",
		  "\xe4\xb8\xad\xe6\x96\x87" },
		{ "big5", "\xa4\xa4\xa4\xe5",
		  "\xe4\xb8\xad\xe6\x96\x87" },
		{ "euc-kr", "\xc7\xd1\xb1\xdb",
		  "\xed\x95\x9c\xea\xb8\x80" },
	};
	static const struct { const char *name, *bytes; } bad[] = {
		{ "koi8-t", "\x88" },
		{ "euc-jp", "\xc6" },
		{ "euc-jp", "\x8f\xb0" },
		{ "euc-jp", "\x8f\xff\xff" },
		{ "Shift_JIS", "\x93\x20" },
		{ "big5", "\xff\x40" },
		{ "gb18030", "\x81\x30\x81" },
		{ "gb18030", "\xfe\x39\xfe\x39" },
		{ "iso-2022-jp", "x" },
		{ "-", "x" },
	};
	char source[128];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(source, sizeof(source), "# coding: %s\n%s\n", good[i].name,
			 good[i].bytes);
		assert_source(source, strlen(source), 2, good[i].text);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(source, sizeof(source), "# coding: %s\n%s", bad[i].name,
			 bad[i].bytes);
		assert_source(source, strlen(source), 2, NULL);
	}
}

static void files_python_refuses_have_no_lines(void **state)
{
	(void)state;
	assert_source(SOURCE("good\n\xe9\n"), 1, NULL);
	assert_source(SOURCE("# coding: no-such\ngood\n"), 2, NULL);
	assert_source(SOURCE("# coding: ascii\n\xc3\xa9\ngood\n"), 3, NULL);
	assert_source(SOURCE("\xef\xbb\xbf# coding: latin-1\ngood\n"), 2, NULL);
	assert_source(SOURCE("\xef\xbb\xbf# coding: utf8\ngood\n"), 2, NULL);
	assert_source(SOURCE("# coding: latin-1x\ngood\n"), 2, NULL);
	/* The cookie's own line must be UTF-8. */
	assert_source(SOURCE("# \xe9 coding: latin-1\ngood\n"), 2, NULL);
	assert_source(SOURCE("\xed\xa0\x80\ngood\n"), 2, NULL);
}

static void names_map_back_to_bytes(void **state)
{
	(void)state;
	write_file("caf\xe9.py", SOURCE("here\n"));
	assert_line("caf\xed\xb3\xa9.py", 1, "here");
	assert_line("caf\xed\xa0\x80.py", 1, NULL);
	write_file("<string>", SOURCE("never\n"));
	assert_line("<string>", 1, NULL);
	assert_line("", 1, NULL);
	assert_line("missing.py", 1, NULL);
}

static void only_regular_files_are_opened(void **state)
{
	(void)state;
	assert_int_equal(mkfifo("fifo.py", 0600), 0);
	assert_line("fifo.py", 1, NULL);
	assert_line("/dev/zero", 1, NULL);
	assert_line("/tmp", 1, NULL);
	/* A hole of 1 GiB: more than any source text. */
	write_file("huge.py", SOURCE("x\n"));
	assert_int_equal(truncate("huge.py", 1 << 30), 0);
	assert_line("huge.py", 1, NULL);
}

static void another_process_is_seen_with_its_own_directory(void **state)
{
	char *line = NULL, byte, absolute[128];
	int ready[2], done[2];
	pid_t child;

	(void)state;
	assert_int_equal(mkdir("sub", 0700), 0);
	write_file("sub/mod.py", SOURCE("theirs\n"));
	write_file("mod.py", SOURCE("ours\n"));
	snprintf(absolute, sizeof(absolute), "%s/mod.py", dir);
	assert_int_equal(symlink(absolute, "sub/link.py"), 0);
	assert_int_equal(pipe(ready) | pipe(done), 0);
	child = fork();
	if (child == 0) {
		close(done[1]);
		if (chdir("sub") == 0 && write(ready[1], "x", 1) == 1)
			_exit((int)read(done[0], &byte, 1));
		_exit(1);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	line = line_seen_by(child, "mod.py", 1);
	assert_string_equal(line, "theirs");
	free(line);
	line = line_seen_by(child, "../mod.py", 1);
	assert_string_equal(line, "ours");
	free(line);
	line = line_seen_by(child, "link.py", 1);
	assert_string_equal(line, "ours");
	free(line);
	line = line_seen_by(child, absolute, 1);
	assert_string_equal(line, "ours");
	free(line);
	close(done[1]);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

static void a_root_is_never_left(void **state)
{
	char *line, byte;
	int ready[2], done[2];
	pid_t child;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(mkdir("jail", 0700), 0);
	write_file("jail/app.py", SOURCE("inside\n"));
	write_file("app.py", SOURCE("outside\n"));
	assert_int_equal(symlink("/app.py", "jail/link.py"), 0);
	assert_int_equal(pipe(ready) | pipe(done), 0);
	child = fork();
	if (child == 0) {
		close(done[1]);
		if (chroot("jail") == 0 && chdir("/") == 0 &&
		    write(ready[1], "x", 1) == 1)
			_exit((int)read(done[0], &byte, 1));
		_exit(1);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	for (int i = 0; i < 5; i++) {
		static const char *const names[] = {
			"/app.py", "/link.py", "link.py", "../app.py",
			"/../../app.py",
		};

		line = line_seen_by(child, names[i], 1);
		assert_string_equal(line ? line : "(none)", "inside");
		free(line);
	}
	close(done[1]);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_end_as_universal_newlines_do),
		cmocka_unit_test(lines_are_stripped_as_str_strip_does),
		cmocka_unit_test(encodings_are_those_of_pep_263),
		cmocka_unit_test(old_encodings_are_read),
		cmocka_unit_test(files_python_refuses_have_no_lines),
		cmocka_unit_test(names_map_back_to_bytes),
		cmocka_unit_test(only_regular_files_are_opened),
		cmocka_unit_test(another_process_is_seen_with_its_own_directory),
		cmocka_unit_test(a_root_is_never_left),
	};

	return cmocka_run_group_tests_name("source_lines", tests, enter_dir,
					   leave_dir);
}
