#include "target/process.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arch/arch.h"
#include "base/guard.h"
#include "target/stat.h"

enum { STATUS_SIZE = 8192 };

/* What follows "KEY:" in the status of a thread, of which `text` is the room;
 * NULL if there is no such line. */
static const char *status_value(pid_t pid, pid_t tid, const char *key,
				char text[static STATUS_SIZE])
{
	size_t len = strlen(key);
	char path[64], *at;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/status", (int)pid,
		 (int)tid);
	if (target_slurp(path, text, STATUS_SIZE) < 0)
		return NULL;
	for (at = text; at; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (strncmp(at, key, len) == 0 && at[len] == ':')
			return at + len + 1;
		if (!*at)
			break;
	}
	return NULL;
}

bool tm_process_status_u64(pid_t pid, pid_t tid, const char *key, int base,
			   uint64_t *ret)
{
	char text[STATUS_SIZE];
	const char *value = status_value(pid, tid, key, text);

	if (!value)
		return false;
	*ret = strtoull(value, NULL, base);
	return true;
}

/* How many seccomp filters it has; -1: some, but a kernel before 5.9 does not
 * say how many. */
static int64_t count_filters(pid_t pid)
{
	uint64_t mode = 0, n;

	tm_process_status_u64(pid, pid, "Seccomp", 10, &mode);
	if (!mode)
		return 0;
	return tm_process_status_u64(pid, pid, "Seccomp_filters", 10, &n) ? (int64_t)n : -1;
}

bool tm_process_filtered(const struct tm_process *process)
{
	int64_t n = count_filters(process->pid);

	return n < 0 || (n > 0 && n != count_filters(getpid()));
}

char tm_process_state(pid_t pid, pid_t tid)
{
	char text[STATUS_SIZE];
	const char *value = status_value(pid, tid, "State", text);

	/* "State:\tS (sleeping)" */
	return value && value[0] && value[1] ? value[1] : 'X';
}

long tm_process_call(pid_t pid, pid_t tid)
{
	char path[64], text[256], *end;
	ssize_t n;
	long nr;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/syscall", (int)pid, (int)tid);
	n = target_slurp(path, text, sizeof(text) - 1);
	if (n <= 0)
		return -1;
	text[n] = '\0';
	nr = strtol(text, &end, 10);
	return end > text ? nr : -1; /* "running" */
}

pid_t tm_process_inner_pid(pid_t pid)
{
	char text[STATUS_SIZE];
	const char *value = status_value(pid, pid, "NSpid", text);
	size_t at = value ? strcspn(value, "\n") : 0;

	/* "NSpid:\t4711\t12", from our namespace inwards. */
	while (at > 0 && value[at - 1] != '\t')
		at--;
	return at > 0 ? (pid_t)atoi(value + at) : 0;
}

static void read_command(struct tm_process *process)
{
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)process->pid);
	n = target_slurp(path, process->command, sizeof(process->command));
	while (n > 0 && process->command[n - 1] == '\0')
		n--;
	for (ssize_t i = 0; i < n; i++)
		if (process->command[i] == '\0')
			process->command[i] = ' ';
	if (n <= 0)
		snprintf(process->command, sizeof(process->command), "%s",
			 process->name);
}

/* 0: could not be read (no permission); else ELFCLASS32 or ELFCLASS64. */
static int elf_class(pid_t pid)
{
	char path[64];
	unsigned char ident[EI_NIDENT];
	TM_GUARD(tm_fd_close) int fd = -1;

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, ident, sizeof(ident)) != sizeof(ident))
		return 0;
	return ident[EI_CLASS];
}

static bool check_kind(const struct tm_process *process,
		       const struct target_stat *fields, struct tm_err *err)
{
	uint64_t tgid;

	if (fields->values[STAT_FLAGS] & PF_KTHREAD)
		return tm_err_set(err, TM_ERR_UNSUPPORTED, process->object,
				  "this is a kernel thread: it has no memory of its own");
	if (target_stat_is_dead(fields))
		return tm_err_set(err, TM_ERR_GONE, process->object,
				  "the process is a zombie: it has exited and only waits for its parent");
	if (tm_process_status_u64(process->leader, process->leader, "Tgid", 10, &tgid) &&
	    tgid != (uint64_t)process->leader) {
		tm_err_set(err, TM_ERR_UNSUPPORTED, process->object,
			   "this is a thread, not a process");
		return tm_err_hint(err, "use the process id %" PRIu64, tgid);
	}
	if (elf_class(process->pid) == ELFCLASS32)
		return tm_err_set(err, TM_ERR_UNSUPPORTED, process->object,
				  "this is a 32-bit process; only " TM_CPU_NAME " processes can be read");
	return true;
}

bool tm_in_first_namespace(const char *kind)
{
	/* include/linux/proc_ns.h: their inode numbers, since Linux 3.8. */
	const char *first = strcmp(kind, "pid") == 0 ? "pid:[4026531836]" : "user:[4026531837]";
	char path[64], link[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/ns/%s", kind);
	n = readlink(path, link, sizeof(link) - 1);
	return n < 0 || (strlen(first) == (size_t)n && memcmp(link, first, (size_t)n) == 0);
}

/* Why there is no /proc/PID/stat: `why`, an errno. */
static bool explain_missing(const struct tm_process *process, int why,
			    struct tm_err *err)
{
	if (why == EMFILE || why == ENFILE || why == ENOMEM)
		return tm_err_os(err, why, process->object, "cannot inspect it");
	/* It may be there all the same. */
	if (process->pid > 0 && kill(process->pid, 0) != 0 && errno == EPERM) {
		tm_err_set(err, TM_ERR_DENIED, process->object,
			   "the process is hidden from us: /proc is mounted with hidepid");
		return tm_err_hint(err, "run tmattach as root or as the process's user");
	}
	tm_err_set(err, TM_ERR_GONE, process->object, "no such process");
	if (process->pid > 0 && access("/proc/self/stat", R_OK) != 0)
		tm_err_hint(err, "/proc is not mounted here, or hides processes");
	else if (!tm_in_first_namespace("pid"))
		tm_err_hint(err, "in a container, tmattach sees only that container's "
			    "processes: share those of the other (docker run --pid=container:NAME, "
			    "kubectl debug --target=NAME), or run it on the host");
	return false;
}

/* The process of a thread whose main thread has ended; else 0. */
static pid_t dead_leader_of(pid_t tid)
{
	struct target_stat fields;
	uint64_t leader;

	return tm_process_status_u64(tid, tid, "Tgid", 10, &leader) &&
	       (pid_t)leader != tid && target_stat_read((pid_t)leader, &fields) &&
	       target_stat_is_dead(&fields) ? (pid_t)leader : 0;
}

bool tm_process_open(pid_t pid, struct tm_process *ret, struct tm_err *err)
{
	struct target_stat fields;
	pid_t leader = pid > 0 ? dead_leader_of(pid) : 0, living;

	if (leader)
		pid = leader;
	*ret = (struct tm_process){ .pid = pid, .leader = pid };
	snprintf(ret->object, sizeof(ret->object), "pid %d", (int)pid);
	errno = 0;
	if (pid <= 0 || !target_stat_read(pid, &fields))
		return explain_missing(ret, errno, err);
	snprintf(ret->name, sizeof(ret->name), "%s", fields.name);
	snprintf(ret->object, sizeof(ret->object), "pid %d (%s)", (int)pid,
		 ret->name);
	ret->identity.start_time = fields.values[STAT_STARTTIME];
	living = target_stat_is_dead(&fields) ? target_stat_living(pid, &fields) : 0;
	if (living)
		ret->pid = living;
	ret->identity.start_stack = fields.values[STAT_STARTSTACK];
	read_command(ret);
	return check_kind(ret, &fields, err);
}

/* What the process is now; the time it began is its main thread's. */
static bool look_again(const struct tm_process *process, struct target_stat *ret)
{
	struct target_stat leader;

	if (!target_stat_read(process->pid, ret))
		return false;
	if (process->pid == process->leader)
		return true;
	if (!target_stat_read(process->leader, &leader))
		return false;
	ret->values[STAT_STARTTIME] = leader.values[STAT_STARTTIME];
	return true;
}

static bool has_exited(const struct tm_process *process, struct tm_err *err)
{
	struct target_stat leader, living;

	if (process->pid == process->leader || !target_stat_read(process->leader, &leader) ||
	    leader.values[STAT_STARTTIME] != process->identity.start_time ||
	    !target_stat_living(process->leader, &living))
		return tm_err_set(err, TM_ERR_GONE, process->object,
				  "the process has exited");
	tm_err_set(err, TM_ERR_GONE, process->object,
		   "thread %d, through which it was read, has ended; its main thread "
		   "had ended before", (int)process->pid);
	return tm_err_hint(err, "it has others: try again");
}

bool tm_process_check(const struct tm_process *process, struct tm_err *err)
{
	struct target_stat now;
	bool there;

	errno = 0;
	there = look_again(process, &now);
	if (!there && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
		return tm_err_os(err, errno, process->object, "cannot inspect it");
	/* One that is being killed has given up its memory already. */
	if (!there || target_stat_is_dead(&now) || now.values[STAT_FLAGS] & PF_EXITING)
		return has_exited(process, err);
	if (now.values[STAT_STARTTIME] != process->identity.start_time)
		return tm_err_set(err, TM_ERR_GONE, process->object,
				  "the process has exited and its pid belongs to another one now");
	if (now.values[STAT_STARTSTACK] != process->identity.start_stack)
		return tm_err_set(err, TM_ERR_GONE, process->object,
				  "the process now runs another program (exec)");
	return true;
}

bool tm_process_replaced(const struct tm_process *process)
{
	struct target_stat now;

	/* Only by an exec does a main thread live again: it is the one that called it. */
	return target_stat_read(process->leader, &now) && !target_stat_is_dead(&now) &&
	       now.values[STAT_STARTTIME] == process->identity.start_time &&
	       (process->pid != process->leader ||
		now.values[STAT_STARTSTACK] != process->identity.start_stack);
}

bool tm_process_lives(pid_t pid)
{
	struct target_stat now;

	/* While they are listed, an exec may give one the id of the main thread. */
	return target_stat_living(pid, &now) ||
	       (target_stat_read(pid, &now) && !target_stat_is_dead(&now) &&
		!(now.values[STAT_FLAGS] & PF_EXITING));
}

uint64_t tm_process_rss(pid_t pid)
{
	char path[64], text[128];
	uint64_t pages = 0;

	snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	if (target_slurp(path, text, sizeof(text)) > 0)
		sscanf(text, "%*u %" SCNu64, &pages);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

uint64_t tm_process_huge(pid_t pid)
{
	char path[64], text[4096], *at;
	uint64_t kilobytes = 0;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	if (target_slurp(path, text, sizeof(text)) > 0 &&
	    (at = strstr(text, "\nAnonHugePages:")))
		sscanf(at, "\nAnonHugePages: %" SCNu64, &kilobytes);
	return kilobytes * 1024;
}
