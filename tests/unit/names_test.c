/* What a process is called, and how command lines are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/names.h"
#include "cli/save.h"
#include "report/command.h"

#define PY "/usr/bin/python3.11"

/* Words are divided by "|". */
static enum cli_called called(const char *words, const char *exe, const char *comm,
			      const char *name)
{
	char *cmdline = strdup(words);
	struct cli_process process = {
		.pid = 1, .cmdline = cmdline, .len = strlen(words) + 1, .exe = (char *)exe,
	};
	enum cli_called ret;

	snprintf(process.comm, sizeof(process.comm), "%s", comm);
	for (char *p = cmdline; *p; p++)
		if (*p == '|')
			*p = '\0';
	ret = cli_process_called(&process, name);
	free(cmdline);
	return ret;
}

struct row {
	const char *words, *exe, *comm, *name;
	enum cli_called wanted;
};

static void check(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		enum cli_called got = called(rows[i].words, rows[i].exe, rows[i].comm, rows[i].name);

		if (got != rows[i].wanted)
			fail_msg("'%s' called '%s': %d, not %d", rows[i].words, rows[i].name,
				 (int)got, (int)rows[i].wanted);
	}
}
#define CHECK(rows) check(rows, sizeof(rows) / sizeof((rows)[0]))

static void test_command_lines(void **state)
{
	static const struct row rows[] = {
		{ "python3|/srv/app/manage.py|runserver", PY, "python3", "manage.py", CLI_CALLED },
		{ "python3|/srv/app/manage.py|runserver", PY, "python3", "/srv/app/manage.py", CLI_CALLED },
		{ "python3|/srv/app/manage.py|runserver", PY, "python3", "python3", CLI_CALLED },
		{ "python3|/srv/app/manage.py|runserver", PY, "python3", "python3.11", CLI_CALLED },
		{ "python3|/srv/app/manage.py|runserver", PY, "python3", "manage", CLI_CALLED_LIKE },
		{ "python3|/srv/app/manage.py|runserver", PY, "python3", "runserver", CLI_NOT_CALLED },
		{ "python3|/srv/app/manage.py|runserver", PY, "python3", "manage.py runserver", CLI_CALLED },
		{ "python3|/srv/app/manage.py|runserver", PY, "python3", "manage.py migrate", CLI_NOT_CALLED },
		{ "python3|/srv/app/manage.py|runserver", PY, "python3", "app.py", CLI_NOT_CALLED },
		{ "python3|-u|-X|dev|-W|ignore|-E|a.py|x", PY, "python3", "a.py", CLI_CALLED },
		{ "python3|-uEXdev|-Wignore|a.py", PY, "python3", "a.py", CLI_CALLED },
		{ "python3|-uX|dev|a.py", PY, "python3", "dev", CLI_NOT_CALLED },
		{ "python3|-uX|dev|a.py", PY, "python3", "a.py", CLI_CALLED },
		{ "python3|--check-hash-based-pycs|always|a.py", PY, "python3", "a.py", CLI_CALLED },
		{ "python3|--|a.py", PY, "python3", "a.py", CLI_CALLED },
		{ "python3|-c|import a|a.py", PY, "python3", "a.py", CLI_NOT_CALLED },
		{ "python3|-Ic|import a|a.py", PY, "python3", "a.py", CLI_NOT_CALLED },
		{ "python3|-|a.py", PY, "python3", "a.py", CLI_NOT_CALLED },
		{ "python3|-m|celery|-A|tasks|worker", PY, "python3", "celery", CLI_CALLED },
		{ "python3|-m|celery|-A|tasks|worker", PY, "python3", "celery worker", CLI_CALLED },
		{ "python3|-m|celery|-A|tasks|worker", PY, "python3", "celery beat", CLI_NOT_CALLED },
		{ "python3|-Im|http.server|80", PY, "python3", "http.server", CLI_CALLED },
		{ "python3|-mhttp.server|80", PY, "python3", "http.server", CLI_CALLED },
		{ "python3|-m|shop.worker", PY, "python3", "worker", CLI_CALLED_LIKE },
		{ "python3|-m|shop.jobs.worker", PY, "python3", "shop", CLI_CALLED_LIKE },
		{ "python3|-m|shop.jobs.worker", PY, "python3", "shop.jobs", CLI_CALLED_LIKE },
		{ "python3|-m|shop.jobs.worker", PY, "python3", "jobs", CLI_NOT_CALLED },
		{ "python3|-m|shop.__main__", PY, "python3", "shop", CLI_CALLED_LIKE },
		{ "python3|-m|shopping.worker", PY, "python3", "shop", CLI_NOT_CALLED },
		{ PY "|/usr/bin/uvicorn|app:asgi", PY, "uvicorn", "uvicorn app", CLI_CALLED },
		{ "python3|-m", PY, "python3", "celery", CLI_NOT_CALLED },
		{ PY "|/usr/bin/gunicorn|-w|4|web:app", PY, "gunicorn", "gunicorn", CLI_CALLED },
		{ "/srv/venv/bin/python|/srv/venv/bin/airflow|scheduler", PY, "airflow",
		  "airflow scheduler", CLI_CALLED },
		{ "python3|/srv/shop.pyz", PY, "python3", "shop.pyz", CLI_CALLED },
		{ "python3|/srv/shop.pyz", PY, "python3", "shop", CLI_CALLED_LIKE },
		{ "python3|/srv/shop/__main__.py", PY, "python3", "shop", CLI_CALLED },
		{ "python3|/srv/shop", PY, "python3", "shop", CLI_CALLED },
		{ "web|a.py", PY, "web", "a.py", CLI_CALLED },
		{ "pypy3|a.py", NULL, "pypy3", "a.py", CLI_CALLED },
		{ "sudo|python3|a.py", "/usr/bin/sudo", "sudo", "a.py", CLI_NOT_CALLED },
		{ "timeout|9|python3|a.py", "/usr/bin/timeout", "timeout", "a.py", CLI_NOT_CALLED },
		{ "sh|-c|python3 a.py", "/usr/bin/dash", "sh", "a.py", CLI_NOT_CALLED },
		{ "./srv", "/opt/srv", "averyverylongna", "averyverylongname", CLI_CALLED_LIKE },
		{ "", PY, "python3", "", CLI_NOT_CALLED },
		{ "python3", PY, "python3", "a.py", CLI_NOT_CALLED },
	};

	(void)state;
	CHECK(rows);
}

static void test_titles(void **state)
{
	static const struct row rows[] = {
		{ "gunicorn: master [web:app]", PY, "gunicorn: maste", "gunicorn", CLI_CALLED },
		{ "gunicorn: master [web:app]", PY, "gunicorn: maste", "gunicorn: master", CLI_CALLED },
		{ "gunicorn: master [web:app]", PY, "gunicorn: maste", "gunicorn master", CLI_CALLED },
		{ "gunicorn: master [web:app]", PY, "gunicorn: maste", "gunicorn web:app", CLI_CALLED },
		{ "gunicorn: master [web:app]", PY, "gunicorn: maste", "gunicorn worker", CLI_NOT_CALLED },
		{ "gunicorn: master [web:app]||||", PY, "x", "gunicorn", CLI_CALLED },
		{ "gunicorn: master [web:app]    ", PY, "x", "gunicorn", CLI_CALLED },
		{ "[celeryd: w1@host:MainProcess] -active- (worker)", PY, "x", "celeryd", CLI_CALLED },
		{ "[celeryd: w1@host:MainProcess] -active- (worker)", PY, "x", "celery", CLI_CALLED_LIKE },
		{ "[celeryd: w1@host:MainProcess] -active- (worker)", PY, "x", "celery worker",
		  CLI_CALLED_LIKE },
		{ "ray::IDLE", PY, "ray::IDLE", "ray", CLI_CALLED_LIKE },
		{ "ray::Actor.method", PY, "ray::Actor.meth", "ray::Actor", CLI_CALLED_LIKE },
		{ "ray::Actor.method", PY, "ray::Actor.meth", "Actor", CLI_NOT_CALLED },
		{ "rayon: x", PY, "x", "ray", CLI_NOT_CALLED },
		{ "dask-worker tcp://h", PY, "x", "dask", CLI_NOT_CALLED },
		{ "celery worker@host", PY, "x", "celery worker", CLI_CALLED },
		{ "python3", PY, "python3", "python3", CLI_CALLED },
		{ "(flow idle)", PY, "x", "flow", CLI_CALLED },
		{ "airflow scheduler -- DagFileProcessorManager", PY, "x", "airflow", CLI_CALLED },
		{ "airflow scheduler -- DagFileProcessorManager", PY, "x", "airflow scheduler", CLI_CALLED },
		{ "/opt/x/job.py idle", PY, "x", "job.py", CLI_CALLED },
		{ "python3 /opt/x/job.py idle", PY, "x", "job.py", CLI_CALLED },
		{ "job.py idle", PY, "x", "idle", CLI_NOT_CALLED },
		{ "postgres: writer", "/usr/lib/postgresql/postgres", "postgres", "postgres", CLI_CALLED },
		{ "/srv/my app/run", "/srv/my app/run", "run", "run", CLI_CALLED },
		{ "/srv/my app/run", "/srv/my app/run", "run", "my", CLI_NOT_CALLED },
	};

	(void)state;
	CHECK(rows);
}

/* Whatever stands there, nothing but it is read. */
static void test_hostile(void **state)
{
	static const char alphabet[] = "|- /[(:pythoncmWX.";
	char words[24];

	(void)state;
	srand(1);
	for (int k = 0; k < 200000; k++) {
		size_t len = (size_t)rand() % sizeof(words);

		for (size_t i = 0; i < len; i++)
			words[i] = alphabet[(size_t)rand() % (sizeof(alphabet) - 1)];
		words[len ? len - 1 : 0] = '\0';
		called(words, k & 1 ? PY : NULL, "x", k & 2 ? "a b" : "python");
	}
}

static void cut(const char *const *commands, const char *const *wanted, size_t n)
{
	char **got = report_cut_commands(commands, n);

	for (size_t i = 0; i < n; i++)
		assert_string_equal(got[i], wanted[i]);
	report_free_commands(got, n);
}

static void test_cut(void **state)
{
	(void)state;
	cut((const char *[]){ "python3 -c from multiprocessing.spawn import spawn_main; "
			      "spawn_main(tracker_fd=5, pipe_handle=7) --multiprocessing-fork" },
	    (const char *[]){ "python3 -c multiprocessing.spawn.spawn_main(tracker_fd=5, pipe_handle=7)" }, 1);
	cut((const char *[]){ "python3 -c from multiprocessing.resource_tracker import main;main(5)" },
	    (const char *[]){ "python3 -c multiprocessing.resource_tracker.main(5)" }, 1);
	cut((const char *[]){ "python3 -B -c from multiprocessing.forkserver import main; "
			      "main(5, 7, ['__main__'], **{'sys_path': ['/a', '/b']})" },
	    (const char *[]){ "python3 -B -c multiprocessing.forkserver.main(5, 7, ...)" }, 1);
	cut((const char *[]){ "python3 -c from multiprocessing.spawn" },
	    (const char *[]){ "python3 -c from multiprocessing.spawn" }, 1);
	cut((const char *[]){ "/usr/bin/python3 /srv/shop/worker.py --queue mails",
			      "/usr/bin/python3 /srv/shop/worker.py --queue orders",
			      "/usr/bin/python3 /srv/shop/worker.py --queue mails" },
	    (const char *[]){ "/usr/bin/python3 /srv/shop/worker.py --queue mails",
			      "... orders", "... mails" }, 3);
	cut((const char *[]){ "/usr/bin/python3 /srv/shop/worker.py",
			      "/usr/bin/python3 /srv/shop/worker.py --queue orders" },
	    (const char *[]){ "/usr/bin/python3 /srv/shop/worker.py", "... --queue orders" }, 2);
	cut((const char *[]){ "gunicorn: master [web:app]", "gunicorn: worker [web:app]" },
	    (const char *[]){ "gunicorn: master [web:app]", "gunicorn: worker [web:app]" }, 2);
	cut((const char *[]){ "/usr/bin/python3 /srv/shop/app.py", "/usr/bin/python3 /srv/shop/app.py" },
	    (const char *[]){ "/usr/bin/python3 /srv/shop/app.py", "/usr/bin/python3 /srv/shop/app.py" }, 2);
}

static void path_is(const char *pattern, bool each, const char *wanted)
{
	char *path = cli_path_of(pattern, 4711);

	assert_string_equal(path, wanted);
	assert_int_equal(cli_path_is_each(pattern), each);
	free(path);
}

static void test_paths(void **state)
{
	(void)state;
	path_is("end.%p.tms", true, "end.4711.tms");
	path_is("%p/%p.tms", true, "4711/4711.tms");
	path_is("end.tms", false, "end.tms");
	path_is("100%.tms", false, "100%.tms");
	path_is("100%%p.tms", false, "100%p.tms");
	path_is("%", false, "%");
	path_is("%%%p", true, "%4711");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_command_lines),
		cmocka_unit_test(test_titles),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
