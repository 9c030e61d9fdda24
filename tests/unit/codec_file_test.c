/* Files: chosen by content or suffix, replaced whole or not at all. */
#include "unit/codec_fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char dir[64];
static struct tm_snapshot *snapshot;

static int make_dir(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/codec-test-XXXXXX");
	snapshot = fixture_finish(fixture_python(0));
	return !mkdtemp(dir);
}

static int remove_dir(void **state)
{
	DIR *d = opendir(dir);
	struct dirent *entry;

	(void)state;
	while ((entry = readdir(d)))
		unlinkat(dirfd(d), entry->d_name, 0);
	closedir(d);
	tm_snapshot_destroy(snapshot);
	return rmdir(dir);
}

static const char *path(const char *name)
{
	static char buf[2][128];
	static int i;

	i ^= 1;
	snprintf(buf[i], sizeof(buf[i]), "%s/%s", dir, name);
	return buf[i];
}

static unsigned entries(void)
{
	DIR *d = opendir(dir);
	unsigned n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static void save(const char *to, const char *format)
{
	struct tm_err err = { 0 };

	if (!tm_snapshot_save(snapshot, to, tm_codec_by_name(format), NULL, &err))
		fail_msg("%s: %s", err.object, err.cause);
}

static void put(const char *to, const char *text)
{
	FILE *f = fopen(to, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void holds(const char *name, const char *text)
{
	char buf[64] = "";
	FILE *f = fopen(name, "r");

	assert_non_null(f);
	buf[fread(buf, 1, sizeof(buf) - 1, f)] = '\0';
	fclose(f);
	assert_string_equal(buf, text);
}

static mode_t mode(const char *name)
{
	struct stat st;

	assert_int_equal(stat(name, &st), 0);
	return st.st_mode & 07777;
}

static void suffixes_choose_the_format(void **state)
{
	(void)state;
	assert_string_equal(tm_codec_by_suffix("a/b.tms")->name, "tms");
	assert_string_equal(tm_codec_by_suffix("x.jsonl")->name, "jsonl");
	assert_string_equal(tm_codec_by_suffix("x.json")->name, "json");
	assert_null(tm_codec_by_suffix("x.txt"));
	assert_null(tm_codec_by_suffix(".tms"));
	assert_null(tm_codec_by_suffix(""));
	assert_null(tm_codec_by_name("nope"));
}

static void content_beats_the_suffix(void **state)
{
	struct tm_snapshot *back;
	struct tm_err err;

	(void)state;
	for (size_t i = 0; i < tm_codec_count(); i++) {
		const struct tm_codec *codec = tm_codec_at(i);

		if (!codec->read)
			continue;
		save(path("misnamed.csv"), codec->name);
		back = tm_snapshot_load(path("misnamed.csv"), &err);
		if (!back)
			fail_msg("%s: %s", codec->name, err.cause);
		fixture_same(snapshot, back, false);
		tm_snapshot_destroy(back);
	}
}

static void a_pipe_can_be_read(void **state)
{
	struct tm_snapshot *back;
	struct tm_err err = { 0 };
	pid_t child;

	(void)state;
	assert_int_equal(mkfifo(path("fifo"), 0600), 0);
	child = fork();
	if (child == 0) {
		/* Not replaced by a file: written into. */
		_exit(!tm_snapshot_save(snapshot, path("fifo"),
					tm_codec_by_name("pickle"), NULL, &err));
	}
	back = tm_snapshot_load(path("fifo"), &err);
	assert_non_null(back);
	fixture_same(snapshot, back, false);
	tm_snapshot_destroy(back);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

static void errors_name_the_file(void **state)
{
	struct tm_err err = { 0 };

	(void)state;
	assert_null(tm_snapshot_load(path("none.tms"), &err));
	assert_int_equal(err.sys_errno, ENOENT);
	assert_non_null(strstr(err.object, "none.tms"));
	assert_null(tm_snapshot_load(dir, &err));
	assert_int_equal(err.sys_errno, EISDIR);
	put(path("x.txt"), "hello");
	assert_null(tm_snapshot_load(path("x.txt"), &err));
	assert_int_equal(err.kind, TM_ERR_UNSUPPORTED);
	assert_non_null(strstr(err.object, "x.txt"));
	put(path("empty"), "");
	assert_null(tm_snapshot_load(path("empty"), &err));
	assert_int_equal(err.kind, TM_ERR_CORRUPT);
	assert_non_null(strstr(err.object, "empty"));
}

static void permissions_are_kept(void **state)
{
	(void)state;
	save(path("new.tms"), "tms");
	assert_int_equal(mode(path("new.tms")), 0600);
	put(path("old.tms"), "old");
	chmod(path("old.tms"), 0644);
	save(path("old.tms"), "tms");
	assert_int_equal(mode(path("old.tms")), 0644);
}

static void links_stay_links(void **state)
{
	struct stat st;

	(void)state;
	put(path("real"), "old");
	assert_int_equal(symlink("real", path("link.tms")), 0);
	assert_int_equal(symlink("later", path("dangling.tms")), 0);
	save(path("link.tms"), "tms");
	save(path("dangling.tms"), "tms");
	assert_int_equal(lstat(path("link.tms"), &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(lstat(path("real"), &st), 0);
	assert_true(S_ISREG(st.st_mode) && st.st_size > 100);
	assert_int_equal(lstat(path("later"), &st), 0);
	assert_true(S_ISREG(st.st_mode) && st.st_size > 100);
}

static void refused(const char *to, int sys_errno)
{
	struct tm_err err = { 0 };
	unsigned before = entries();

	assert_false(tm_snapshot_save(snapshot, to, tm_codec_by_name("jsonl"),
				      NULL, &err));
	if (err.sys_errno != sys_errno)
		fail_msg("%s: %s", err.object, err.cause);
	assert_string_equal(err.object, to);
	assert_int_equal(entries(), before);
}

static void what_cannot_be_written_is_an_error(void **state)
{
	(void)state;
	refused("/dev/full", ENOSPC);
	refused(dir, EISDIR);
	refused(path(""), EISDIR);
	refused(path("no/such/x"), ENOENT);
	refused("/proc/x", ENOENT);
	assert_int_equal(symlink("loop", path("loop")), 0);
	refused(path("loop"), ELOOP);
}

static int try_as_nobody(const char *to, int sys_errno)
{
	struct tm_err err = { 0 };

	if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
		return 2;
	return tm_snapshot_save(snapshot, to, tm_codec_by_name("tms"), NULL,
				&err) || err.sys_errno != sys_errno;
}

/* Root may write anywhere, so somebody else has to try. */
static void what_may_not_be_written_is_an_error(void **state)
{
	const char *const names[] = { "readonly.tms", "new.tms" };

	(void)state;
	put(path("readonly.tms"), "old");
	chmod(path("readonly.tms"), 0444);
	for (int i = 0; i < 2; i++) {
		int status;
		pid_t child;

		/* A writable directory does not make the file writable. */
		chmod(dir, i == 0 ? 0777 : 0555);
		child = fork();
		if (child == 0)
			_exit(try_as_nobody(path(names[i]), EACCES));
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
	}
	chmod(dir, 0700);
	holds(path("readonly.tms"), "old");
	assert_int_equal(entries(), 1);
}

/* A file size limit stands for the full disk: it fails in the middle. */
static void a_full_disk_leaves_the_old_file(void **state)
{
	struct rlimit old, small = { 512, RLIM_INFINITY };

	(void)state;
	put(path("kept.jsonl"), "old");
	getrlimit(RLIMIT_FSIZE, &old);
	signal(SIGXFSZ, SIG_IGN);
	small.rlim_max = old.rlim_max;
	setrlimit(RLIMIT_FSIZE, &small);
	refused(path("kept.jsonl"), EFBIG);
	refused(path("fresh.jsonl"), EFBIG);
	setrlimit(RLIMIT_FSIZE, &old);
	holds(path("kept.jsonl"), "old");
	assert_int_equal(access(path("fresh.jsonl"), F_OK), -1);
}

static bool write_and_die(const struct tm_snapshot *s, FILE *out,
			  const struct tm_codec_opts *opts, struct tm_err *err)
{
	(void)s; (void)opts; (void)err;
	fputs("half", out);
	fflush(out);
	raise(SIGKILL);
	return true;
}

static bool write_and_fail(const struct tm_snapshot *s, FILE *out,
			   const struct tm_codec_opts *opts, struct tm_err *err)
{
	(void)s; (void)opts;
	fputs("half", out);
	return tm_err_set(err, TM_ERR_LIMIT, NULL, "enough");
}

static void a_kill_in_the_middle_leaves_nothing(void **state)
{
	const struct tm_codec codec = { .name = "x", .suffix = ".x",
					.write = write_and_die };
	unsigned before;
	struct tm_err err;
	int status;
	pid_t child;

	(void)state;
	put(path("kept.x"), "old");
	before = entries();
	child = fork();
	if (child == 0)
		_exit(tm_snapshot_save(snapshot, path("kept.x"), &codec, NULL,
				       &err));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	holds(path("kept.x"), "old");
	assert_int_equal(entries(), before);
}

static void a_failing_writer_leaves_nothing(void **state)
{
	const struct tm_codec codec = { .name = "x", .suffix = ".x",
					.write = write_and_fail };
	unsigned before;
	struct tm_err err;

	(void)state;
	put(path("kept.x"), "old");
	before = entries();
	assert_false(tm_snapshot_save(snapshot, path("kept.x"), &codec, NULL,
				      &err));
	assert_string_equal(err.cause, "enough");
	holds(path("kept.x"), "old");
	assert_int_equal(entries(), before);
}

#define FILE_TEST(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(suffixes_choose_the_format),
		FILE_TEST(content_beats_the_suffix),
		FILE_TEST(a_pipe_can_be_read),
		FILE_TEST(errors_name_the_file),
		FILE_TEST(permissions_are_kept),
		FILE_TEST(links_stay_links),
		FILE_TEST(what_cannot_be_written_is_an_error),
		FILE_TEST(what_may_not_be_written_is_an_error),
		FILE_TEST(a_full_disk_leaves_the_old_file),
		FILE_TEST(a_kill_in_the_middle_leaves_nothing),
		FILE_TEST(a_failing_writer_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
