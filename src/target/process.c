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

#include "base/guard.h"

/* Up to size - 1 bytes of a /proc file, NUL-terminated; -1 with errno. */
static ssize_t slurp(const char *path, char *buf, size_t size)
{
	TM_GUARD(tm_fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t got = 0;
	ssize_t n;

	if (fd < 0)
		return -1;
	while (got < size - 1 && (n = read(fd, buf + got, size - 1 - got)) > 0)
		got += (size_t)n;
	buf[got] = '\0';
	return (ssize_t)got;
}

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
	if (slurp(path, text, STATUS_SIZE) < 0)
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

char tm_process_state(pid_t pid, pid_t tid)
{
	char text[STATUS_SIZE];
	const char *value = status_value(pid, tid, "State", text);

	/* "State:\tS (sleeping)" */
	return value && value[0] && value[1] ? value[1] : 'X';
}

/* Field numbers of proc(5) /proc/PID/stat. */
enum { STAT_STATE = 3, STAT_FLAGS = 9, STAT_STARTTIME = 22, STAT_STARTSTACK = 28,
       STAT_FIELDS = 28 };

/* Of the flags; include/linux/sched.h. */
enum { PF_EXITING = 0x4, PF_KTHREAD = 0x00200000 };

struct stat_fields {
	char name[32];
	char state;
	uint64_t values[STAT_FIELDS + 1];
};

static bool read_stat(pid_t pid, struct stat_fields *ret)
{
	char path[64], text[2048], *open_paren, *close_paren, *at;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (slurp(path, text, sizeof(text)) <= 0)
		return false;
	/* The name may contain anything, ')' too: the last one ends it. */
	open_paren = strchr(text, '(');
	close_paren = strrchr(text, ')');
	if (!open_paren || !close_paren || close_paren[1] != ' ')
		return false;
	*close_paren = '\0';
	snprintf(ret->name, sizeof(ret->name), "%s", open_paren + 1);
	at = close_paren + 2;
	ret->state = *at;
	at += 1;
	for (int field = STAT_STATE + 1; field <= STAT_FIELDS; field++)
		ret->values[field] = strtoull(at, &at, 10);
	return true;
}

static void read_command(struct tm_process *process)
{
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)process->pid);
	n = slurp(path, process->command, sizeof(process->command));
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
		       const struct stat_fields *fields, struct tm_err *err)
{
	uint64_t tgid;

	if (fields->values[STAT_FLAGS] & PF_KTHREAD)
		return tm_err_set(err, TM_ERR_UNSUPPORTED, process->object,
				  "this is a kernel thread: it has no memory of its own");
	if (fields->state == 'Z' || fields->state == 'X')
		return tm_err_set(err, TM_ERR_GONE, process->object,
				  "the process is a zombie: it has exited and only waits for its parent");
	if (tm_process_status_u64(process->pid, process->pid, "Tgid", 10, &tgid) &&
	    tgid != (uint64_t)process->pid) {
		tm_err_set(err, TM_ERR_UNSUPPORTED, process->object,
			   "this is a thread, not a process");
		return tm_err_hint(err, "use the process id %" PRIu64, tgid);
	}
	if (elf_class(process->pid) == ELFCLASS32)
		return tm_err_set(err, TM_ERR_UNSUPPORTED, process->object,
				  "this is a 32-bit process; only x86-64 processes can be read");
	return true;
}

/* Why there is no /proc/PID/stat: `why`, an errno. */
static bool explain_missing(const struct tm_process *process, int why,
			    struct tm_err *err)
{
	if (why == EMFILE || why == ENFILE || why == ENOMEM)
		return tm_err_os(err, why, process->object, "cannot look at it");
	/* It may be there all the same. */
	if (process->pid > 0 && kill(process->pid, 0) != 0 && errno == EPERM) {
		tm_err_set(err, TM_ERR_DENIED, process->object,
			   "the process is hidden from us: /proc is mounted with hidepid");
		return tm_err_hint(err, "run tmattach as root or as the process's user");
	}
	tm_err_set(err, TM_ERR_GONE, process->object, "no such process");
	if (process->pid > 0 && access("/proc/self/stat", R_OK) != 0)
		tm_err_hint(err, "/proc is not mounted here, or hides processes");
	return false;
}

bool tm_process_open(pid_t pid, struct tm_process *ret, struct tm_err *err)
{
	struct stat_fields fields;

	*ret = (struct tm_process){ .pid = pid };
	snprintf(ret->object, sizeof(ret->object), "pid %d", (int)pid);
	errno = 0;
	if (pid <= 0 || !read_stat(pid, &fields))
		return explain_missing(ret, errno, err);
	snprintf(ret->name, sizeof(ret->name), "%s", fields.name);
	snprintf(ret->object, sizeof(ret->object), "pid %d (%s)", (int)pid,
		 ret->name);
	ret->identity.start_time = fields.values[STAT_STARTTIME];
	ret->identity.start_stack = fields.values[STAT_STARTSTACK];
	read_command(ret);
	return check_kind(ret, &fields, err);
}

bool tm_process_check(const struct tm_process *process, struct tm_err *err)
{
	struct stat_fields now;
	bool there;

	errno = 0;
	there = read_stat(process->pid, &now);
	if (!there && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
		return tm_err_os(err, errno, process->object, "cannot look at it");
	/* One that is being killed has given up its memory already. */
	if (!there || now.state == 'Z' || now.state == 'X' ||
	    now.values[STAT_FLAGS] & PF_EXITING)
		return tm_err_set(err, TM_ERR_GONE, process->object,
				  "the process has exited");
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
	struct stat_fields now;

	return read_stat(process->pid, &now) && now.state != 'Z' &&
	       now.state != 'X' &&
	       now.values[STAT_STARTTIME] == process->identity.start_time &&
	       now.values[STAT_STARTSTACK] != process->identity.start_stack;
}

uint64_t tm_process_rss(pid_t pid)
{
	char path[64], text[128];
	uint64_t pages = 0;

	snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	if (slurp(path, text, sizeof(text)) > 0)
		sscanf(text, "%*u %" SCNu64, &pages);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

uint64_t tm_process_huge(pid_t pid)
{
	char path[64], text[4096], *at;
	uint64_t kilobytes = 0;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	if (slurp(path, text, sizeof(text)) > 0 &&
	    (at = strstr(text, "\nAnonHugePages:")))
		sscanf(at, "\nAnonHugePages: %" SCNu64, &kilobytes);
	return kilobytes * 1024;
}

static int ptrace_scope(void)
{
	char text[16];

	if (slurp("/proc/sys/kernel/yama/ptrace_scope", text, sizeof(text)) <= 0)
		return 0;
	return atoi(text);
}

static bool have_cap_sys_ptrace(void)
{
	enum { CAP_SYS_PTRACE = 19 };
	uint64_t caps = 0;

	tm_process_status_u64(getpid(), getpid(), "CapEff", 16, &caps);
	return caps >> CAP_SYS_PTRACE & 1;
}

/* Do we run in a container that may forbid ptrace()? */
static bool filtered(void)
{
	enum { MODE_FILTER = 2 };
	uint64_t mode = 0;

	return tm_process_status_u64(getpid(), getpid(), "Seccomp", 10, &mode) &&
	       mode == MODE_FILTER;
}

bool tm_process_denied(const struct tm_process *process, struct tm_err *err)
{
	struct stat_fields fields = { .name = "" };
	uint64_t tracer = 0, uid = 0;
	int scope = ptrace_scope();

	tm_process_status_u64(process->pid, process->pid, "TracerPid", 10, &tracer);
	tm_process_status_u64(process->pid, process->pid, "Uid", 10, &uid);
	if (tracer) {
		read_stat((pid_t)tracer, &fields);
		tm_err_set(err, TM_ERR_DENIED, process->object,
			   "already traced by pid %" PRIu64 "%s%s%s", tracer,
			   fields.name[0] ? " (" : "", fields.name,
			   fields.name[0] ? ")" : "");
		return tm_err_hint(err, "a process can have one tracer: detach that debugger or strace first");
	}
	if (scope == 3) {
		tm_err_set(err, TM_ERR_DENIED, process->object,
			   "attaching is switched off on this machine (kernel.yama.ptrace_scope is 3)");
		return tm_err_hint(err, "it stays so until the next boot with another setting");
	}
	if (have_cap_sys_ptrace()) {
		tm_err_set(err, TM_ERR_DENIED, process->object,
			   "the kernel refuses to attach although CAP_SYS_PTRACE is held here");
		return tm_err_hint(err, "the process may belong to another user namespace or be guarded by a security module");
	}
	if (uid != geteuid()) {
		tm_err_set(err, TM_ERR_DENIED, process->object,
			   "the process belongs to uid %" PRIu64 ", we run as uid %u",
			   uid, (unsigned)geteuid());
		return tm_err_hint(err, "run tmattach as root or as that user, or give it CAP_SYS_PTRACE");
	}
	if (scope > 0) {
		tm_err_set(err, TM_ERR_DENIED, process->object,
			   "kernel.yama.ptrace_scope is %d: only %s may attach", scope,
			   scope == 1 ? "its parents" : "CAP_SYS_PTRACE");
		return tm_err_hint(err, "run tmattach as root%s",
				   scope == 1 ? ", or set kernel.yama.ptrace_scope=0" : "");
	}
	if (filtered()) {
		tm_err_set(err, TM_ERR_DENIED, process->object,
			   "the kernel refuses to attach, or the seccomp filter that tmattach runs under does");
		return tm_err_hint(err, "start its container with --cap-add SYS_PTRACE (or seccomp=unconfined), or run tmattach outside");
	}
	tm_err_set(err, TM_ERR_DENIED, process->object,
		   "the kernel refuses to attach (a setuid program, changed capabilities, or a security module)");
	return tm_err_hint(err, "run tmattach as root or with CAP_SYS_PTRACE");
}

bool tm_process_explain(const struct tm_process *process, int sys_errno,
			const char *what, struct tm_err *err)
{
	struct tm_err gone;

	if (!tm_process_check(process, &gone)) {
		*err = gone;
		return false;
	}
	if (sys_errno == EPERM || sys_errno == EACCES)
		return tm_process_denied(process, err);
	return tm_err_os(err, sys_errno, process->object, "%s", what);
}
