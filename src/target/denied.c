/* Which right is missing, and how to get it. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <unistd.h>

#include "target/process.h"
#include "target/stat.h"

/* linux/capability.h */
enum { CAP_DAC_OVERRIDE = 1, CAP_SYS_PTRACE = 19, CAP_SYS_ADMIN = 21 };

static int ptrace_scope(void)
{
	char text[16];

	if (target_slurp("/proc/sys/kernel/yama/ptrace_scope", text, sizeof(text)) <= 0)
		return 0;
	return atoi(text);
}

static uint64_t status_of(pid_t pid, const char *key, int base)
{
	uint64_t value = 0;

	tm_process_status_u64(pid, pid, key, base, &value);
	return value;
}

static bool have_capability(int which)
{
	return status_of(getpid(), "CapEff", 16) >> which & 1;
}

/* A security module would ask about a process; there is none with this pid. */
static bool filter_forbids_ptrace(void)
{
	enum { MODE_FILTER = 2 };

	return status_of(getpid(), "Seccomp", 10) == MODE_FILTER &&
	       ptrace(PTRACE_SEIZE, 0, NULL, NULL) != 0 && errno != ESRCH;
}

/* /proc/PID/ns/user is only for those who may attach; its map is for all. */
static bool in_our_user_namespace(pid_t pid)
{
	char path[64], ours[4096], its[4096];

	snprintf(path, sizeof(path), "/proc/%d/uid_map", (int)pid);
	return target_slurp("/proc/self/uid_map", ours, sizeof(ours)) <= 0 ||
	       target_slurp(path, its, sizeof(its)) <= 0 || strcmp(ours, its) == 0;
}

/* AppArmor's profile or SELinux's context; "" without such a module. */
static void read_label(char *ret, size_t size)
{
	if (target_slurp("/proc/self/attr/current", ret, size) <= 0)
		ret[0] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
	if (strcmp(ret, "unconfined") == 0)
		ret[0] = '\0';
}

/* ---- one right each ------------------------------------------------------------ */

static bool ourselves(const struct tm_process *process, struct tm_err *err)
{
	tm_err_set(err, TM_ERR_DENIED, process->object, "that is tmattach itself");
	return tm_in_first_namespace("pid") ? false :
	       tm_err_hint(err, "in a container of its own it sees only itself: share the processes of "
			   "another (docker run --pid=container:NAME, "
			   "kubectl debug --target=NAME), or run it on the host");
}

static bool filtered(const struct tm_process *process, struct tm_err *err)
{
	tm_err_set(err, TM_ERR_DENIED, process->object,
		   "the seccomp filter that tmattach runs under forbids ptrace()");
	return tm_err_hint(err, "start its container with --cap-add SYS_PTRACE or "
			   "--security-opt seccomp=unconfined, or run tmattach on the host");
}

static bool scoped(const struct tm_process *process, int scope, struct tm_err *err)
{
	if (scope == 3) {
		tm_err_set(err, TM_ERR_DENIED, process->object,
			   "attaching is switched off on this machine (kernel.yama.ptrace_scope is 3)");
		return tm_err_hint(err, "this cannot be changed until the next boot");
	}
	tm_err_set(err, TM_ERR_DENIED, process->object,
		   "kernel.yama.ptrace_scope is %d: only %s may attach", scope,
		   scope == 1 ? "its parents" : "CAP_SYS_PTRACE");
	return tm_err_hint(err, "run tmattach as root%s",
			   scope == 1 ? ", or set kernel.yama.ptrace_scope=0" : "");
}

static bool outside(const struct tm_process *process, struct tm_err *err)
{
	tm_err_set(err, TM_ERR_DENIED, process->object,
		   "it is in another user namespace, where the CAP_SYS_PTRACE that is held here "
		   "does not count");
	return tm_err_hint(err, "run tmattach as root of the host, or as the user who created both");
}

static bool guarded(const struct tm_process *process, const char *cause, struct tm_err *err)
{
	char label[128];

	read_label(label, sizeof(label));
	tm_err_set(err, TM_ERR_DENIED, process->object, "the kernel refuses to attach%s", cause);
	if (label[0])
		return tm_err_hint(err, "a security module may guard it: tmattach runs as '%s'; run it "
				   "unconfined (docker run --security-opt apparmor=unconfined), "
				   "or as root of the host", label);
	return have_capability(CAP_SYS_PTRACE) ?
	       tm_err_hint(err, "the process may be guarded by a security module") :
	       tm_err_hint(err, "run tmattach as root or with CAP_SYS_PTRACE");
}

/* /proc/PID/mem has the mode of a file of its user's. */
static bool closed(const struct tm_process *process, uint64_t uid, struct tm_err *err)
{
	tm_err_set(err, TM_ERR_DENIED, process->object,
		   "its /proc/%d/mem is for uid %" PRIu64 " only, and we run as uid %u with "
		   "CAP_SYS_PTRACE alone", (int)process->pid, uid, (unsigned)geteuid());
	return tm_err_hint(err, "give tmattach CAP_DAC_OVERRIDE as well (CAP_DAC_READ_SEARCH to read only), or run it as root or as that user");
}

static bool others(const struct tm_process *process, uint64_t uid, struct tm_err *err)
{
	tm_err_set(err, TM_ERR_DENIED, process->object,
		   "the process belongs to uid %" PRIu64 ", we run as uid %u", uid,
		   (unsigned)geteuid());
	if (geteuid() == 0)
		return tm_err_hint(err, "this root has no CAP_SYS_PTRACE: start its container with "
				   "--cap-add SYS_PTRACE (kubectl debug --profile=general), or run "
				   "tmattach as uid %" PRIu64, uid);
	return tm_err_hint(err, "run tmattach as root or as that user, or give it CAP_SYS_PTRACE and "
			   "CAP_DAC_OVERRIDE");
}

static bool weaker(const struct tm_process *process, struct tm_err *err)
{
	tm_err_set(err, TM_ERR_DENIED, process->object,
		   "it has capabilities that tmattach lacks, and tmattach has no CAP_SYS_PTRACE");
	return tm_err_hint(err, "run tmattach as root, its container with --cap-add SYS_PTRACE "
			   "(kubectl debug --profile=general), or on the host");
}

bool tm_process_traced(const struct tm_process *process, pid_t tracer, struct tm_err *err)
{
	struct target_stat fields = { .name = "" };

	target_stat_read(tracer, &fields);
	tm_err_set(err, TM_ERR_DENIED, process->object, "already traced by pid %d%s%s%s",
		   (int)tracer, fields.name[0] ? " (" : "", fields.name,
		   fields.name[0] ? ")" : "");
	return tm_err_hint(err, "a process can have one tracer: detach that debugger or strace first");
}

bool tm_process_denied(const struct tm_process *process, struct tm_err *err)
{
	const int scope = ptrace_scope();
	const pid_t tracer = (pid_t)status_of(process->pid, "TracerPid", 10);
	const uint64_t uid = status_of(process->pid, "Uid", 10);

	if (process->pid == getpid())
		return ourselves(process, err);
	if (tracer)
		return tm_process_traced(process, tracer, err);
	if (filter_forbids_ptrace())
		return filtered(process, err);
	if (scope == 3)
		return scoped(process, scope, err);
	if (have_capability(CAP_SYS_PTRACE)) {
		if (!in_our_user_namespace(process->pid))
			return outside(process, err);
		return uid != geteuid() && !have_capability(CAP_DAC_OVERRIDE) ?
		       closed(process, uid, err) :
		       guarded(process, " although CAP_SYS_PTRACE is held here", err);
	}
	if (uid != geteuid())
		return others(process, uid, err);
	if (scope > 0)
		return scoped(process, scope, err);
	if (status_of(process->pid, "CapPrm", 16) & ~status_of(getpid(), "CapEff", 16))
		return weaker(process, err);
	return guarded(process, " (a setuid program, one that forbids it, or a security module)", err);
}

bool tm_process_stays_filtered(const struct tm_process *process, struct tm_err *err)
{
	tm_err_set(err, TM_ERR_UNSUPPORTED, process->object,
		   "a seccomp filter watches its system calls and may not be suspended by us");
	if (!have_capability(CAP_SYS_ADMIN))
		return tm_err_hint(err, "run tmattach with CAP_SYS_ADMIN and without a filter of its "
				   "own (docker run --cap-add SYS_ADMIN --security-opt "
				   "seccomp=unconfined, kubectl debug --profile=sysadmin), "
				   "or as root of the host");
	if (status_of(getpid(), "Seccomp", 10))
		return tm_err_hint(err, "tmattach runs under a filter itself: start its container with "
				   "--security-opt seccomp=unconfined (kubectl debug "
				   "--profile=sysadmin), or run it as root of the host");
	return tm_err_hint(err, tm_in_first_namespace("user") ?
			   "the process may be guarded by a security module" :
			   "the CAP_SYS_ADMIN of a user namespace does not do: run tmattach as "
			   "root of the host");
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
