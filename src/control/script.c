#include "control/script.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/guard.h"
#include "base/log.h"
#include "control/mapping.h"
#include "target/late.h"

enum {
	/* Once it has begun it is not cut short. */
	RUNNING_TIMEOUT_MS = 600000,
	PATH_MAX_LEN = 64,
	MAX_THREADS = 65536,
	ANSWER_SIZE = 640,
};

struct script {
	const struct control_target *target;
	const struct py_debugger *debugger;
	const struct control_call *call;
	char path[PATH_MAX_LEN];  /* as the target sees it */
	char ours[PATH_MAX_LEN + 32];
	int fd;
};

bool control_script_can(const struct control_target *target,
			struct py_debugger *ret, struct tm_err *err)
{
	if (!py_debugger_find(target->mem, target->runtime, ret))
		return false;
	if (!ret->enabled)
		tm_err_hint(err, "its remote debugging interface could be used, but is "
				 "disabled (-X disable_remote_debug, PYTHON_DISABLE_REMOTE_DEBUG)");
	else
		tm_log("control: by PEP 768: %s", err->cause);
	return ret->enabled;
}

/* ---- the file ------------------------------------------------------------------ */

/*
 * What is written here is what the target executes; each state of the file is
 * valid source, so a second thread that comes to it does nothing. Traces
 * nothing of its own for longer than it runs.
 */
static const char source[] =
	"# tmattach\n"
	"try:\n"
	"    f = open('%s', 'r+')\n"
	"    first = f.readline()\n"
	"except OSError:\n"
	"    first = ''\n"
	"def say(text):\n"
	"    f.seek(0)\n"
	"    f.write('# ' + text.replace('\\n', ' ') + '\\n')\n"
	"    f.truncate()\n"
	"    f.flush()\n"
	"if first == '# tmattach\\n':\n"
	"    say('begun')\n"
	"    try:\n"
	"        import _tracemalloc\n"
	"        _tracemalloc.%s(%s)\n"
	"    except BaseException as e:\n"
	"        say('raised %%s: %%.500s' %% (type(e).__name__, e))\n"
	"    else:\n"
	"        say('done')\n"
	"    f.close()\n";

static bool write_source(const struct script *script)
{
	const struct control_call *call = script->call;
	char text[sizeof(source) + PATH_MAX_LEN + 64], arg[16] = "";
	int len;

	if (call->has_arg)
		snprintf(arg, sizeof(arg), "%d", (int)call->arg);
	len = snprintf(text, sizeof(text), source, script->path, call->method, arg);
	return len > 0 && (size_t)len < sizeof(text) &&
	       write(script->fd, text, (size_t)len) == len;
}

/* The process must be able to open it, and no one else. */
static bool give_away(const struct script *script)
{
	struct stat owner;
	char path[32];

	/* It belongs to the effective user and group. */
	snprintf(path, sizeof(path), "/proc/%d/task",
		 (int)script->target->process->pid);
	return stat(path, &owner) == 0 &&
	       (owner.st_uid == geteuid() ||
		fchown(script->fd, owner.st_uid, owner.st_gid) == 0);
}

static bool create_in(struct script *script, const char *directory)
{
	pid_t pid = script->target->process->pid;
	uint64_t random;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return false;
	snprintf(script->path, sizeof(script->path), "%s/tmattach-%016llx.py",
		 directory, (unsigned long long)random);
	snprintf(script->ours, sizeof(script->ours), "/proc/%d/root%s", (int)pid,
		 script->path);
	script->fd = open(script->ours, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			  0600);
	if (script->fd < 0)
		return false;
	if (give_away(script) && write_source(script))
		return true;
	unlink(script->ours);
	tm_fd_close(&script->fd);
	script->fd = -1;
	return false;
}

static bool create(struct script *script, struct tm_err *err)
{
	static const char *const directories[] = { "/tmp", "/var/tmp", "/dev/shm", "/run" };
	int why = ENOENT;

	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++) {
		if (create_in(script, directories[i]))
			return true;
		why = errno;
	}
	return tm_err_os(err, why, script->target->process->object,
			 "no directory in its root is writable for it");
}

/* The first line without "# "; "" if it cannot be read. */
static void answer(const struct script *script, char ret[static ANSWER_SIZE])
{
	ssize_t n = pread(script->fd, ret, ANSWER_SIZE - 1, 0);

	ret[n > 0 ? n : 0] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
	memmove(ret, ret + (strncmp(ret, "# ", 2) == 0 ? 2 : 0), strlen(ret) + 1 -
		(strncmp(ret, "# ", 2) == 0 ? 2 : 0));
}

/* ---- the threads ----------------------------------------------------------------- */

static bool ask_thread(const struct script *script, tm_addr thread, struct tm_err *err)
{
	static const int32_t pending = 1;
	const struct control_target *target = script->target;
	const struct py_debugger *debugger = script->debugger;
	uint64_t breaker;

	if (!control_write(target, 0, thread + debugger->path, script->path,
			   strlen(script->path) + 1, err) ||
	    !control_write(target, 0, thread + debugger->pending, &pending,
			   sizeof(pending), err) ||
	    !tm_mem_u64(target->mem, thread + debugger->breaker, &breaker, err))
		return false;
	breaker |= PY_DEBUGGER_STOP_BIT;
	return control_write(target, 0, thread + debugger->breaker, &breaker,
			     sizeof(breaker), err);
}

/* Was it asked by us, and has not come to it? */
static bool forget_thread(const struct script *script, tm_addr thread, struct tm_err *err)
{
	static const int32_t none = 0;
	const struct control_target *target = script->target;
	char path[PATH_MAX_LEN];
	size_t len = strlen(script->path) + 1;

	if (!tm_mem_read(target->mem, thread + script->debugger->path, path, len, err))
		return false;
	return memcmp(path, script->path, len) != 0 ||
	       control_write(target, 0, thread + script->debugger->pending, &none,
			     sizeof(none), err);
}

static bool each_thread(const struct script *script,
			bool (*act)(const struct script *script, tm_addr thread,
				    struct tm_err *err),
			struct tm_err *err)
{
	const struct control_target *target = script->target;
	TM_GUARD(tm_stop_guard) struct tm_stop stop = { 0 };
	tm_addr thread = 0;

	if (!tm_stop_all(target->process, TM_STOP_DEADLINE_MS, &stop, err))
		return false;
	for (int n = 0; n < MAX_THREADS; n++) {
		if (!py_debugger_next(target->mem, script->debugger, &thread))
			return tm_err_set(err, TM_ERR_UNSUPPORTED, target->process->object,
					  "its list of threads is not as expected");
		if (!thread)
			return true;
		if (!act(script, thread, err))
			return false;
	}
	return true;
}

/* ---- waiting ------------------------------------------------------------------------ */

static bool is_final(const char *text)
{
	return strcmp(text, "done") == 0 || strncmp(text, "raised ", 7) == 0;
}

/* `give_up` (or NULL) true is as if the time were up. */
static void wait_for(const struct script *script, uint64_t deadline_ns,
		     bool (*give_up)(void), char ret[static ANSWER_SIZE])
{
	struct timespec pause = { .tv_nsec = 200000 };

	for (;;) {
		answer(script, ret);
		if (is_final(ret) || tm_now_ns() >= deadline_ns ||
		    (give_up && give_up()))
			return;
		nanosleep(&pause, NULL);
		tm_late_poll();
		if (pause.tv_nsec < 10000000)
			pause.tv_nsec *= 2;
	}
}

static bool report(const struct script *script, const char *text, struct tm_err *err)
{
	const char *object = script->target->process->object;

	if (strcmp(text, "done") == 0)
		return true;
	if (strncmp(text, "raised ", 7) == 0)
		return tm_err_set(err, TM_ERR_LIMIT, object, "%s() %s",
				  script->call->method, text);
	if (strcmp(text, "begun") == 0)
		return tm_err_set(err, TM_ERR_BUSY, object,
				  "%s() is still being executed there and will end by itself",
				  script->call->method);
	if (script->call->give_up && script->call->give_up())
		return tm_err_set(err, TM_ERR_BUSY, object,
				  "%s() was cancelled before its turn came; nothing was done, and nothing will be",
				  script->call->method);
	tm_err_set(err, TM_ERR_BUSY, object,
		   "no thread came to run Python code within %u ms", script->call->timeout_ms);
	return tm_err_hint(err, "nothing was done, and nothing will be; --timeout waits longer");
}

bool control_script_do(const struct control_target *target,
		       const struct py_debugger *debugger,
		       const struct control_call *call, struct tm_err *err)
{
	struct script script = {
		.target = target, .debugger = debugger, .call = call, .fd = -1,
	};
	char text[ANSWER_SIZE] = "";
	struct tm_err ignored;
	bool asked;

	if (!create(&script, err))
		return false;
	asked = each_thread(&script, ask_thread, err);
	if (asked)
		wait_for(&script, call->deadline_ns, call->give_up, text);
	if (!each_thread(&script, forget_thread, asked ? &ignored : err))
		tm_log("control: %s: %s", ignored.object, ignored.cause);
	/* Nobody begins any more; one may have. */
	answer(&script, text);
	if (strcmp(text, "begun") == 0)
		wait_for(&script, tm_now_ns() + RUNNING_TIMEOUT_MS * 1000000ull, NULL, text);
	unlink(script.ours);
	close(script.fd);
	return asked && report(&script, text, err);
}
