#include "remote/remote.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arch/arch.h"
#include "base/alloc.h"
#include "base/log.h"
#include "mem/poke.h"
#include "mem/scan.h"
#include "remote/host.h"

/* The C library has both and is searched first, whatever its name. */
static bool is_libc(const struct tm_region *region)
{
	const char *base = strrchr(region->path, '/');

	return base && (strncmp(base, "/libc.", 6) == 0 ||
			strncmp(base, "/libc-", 6) == 0 ||
			strncmp(base, "/ld-musl", 8) == 0);
}

static tm_addr find_code(struct tm_mem *mem, const struct tm_maps *maps,
			 const void *code, size_t len)
{
	enum { LIMIT = 4 << 20 };

	for (int libc = 1; libc >= 0; libc--)
		for (size_t i = 0; i < maps->n; i++) {
			const struct tm_region *region = &maps->regions[i];
			tm_addr at;

			if (!region->executable || !region->readable ||
			    is_libc(region) != (libc == 1) ||
			    strcmp(region->path, "[vsyscall]") == 0)
				continue;
			at = tm_mem_find(mem, (struct tm_range){ region->start, region->end },
					 LIMIT, code, len);
			if (at)
				return at;
		}
	return 0;
}

bool tm_remote_find_insn(struct tm_mem *mem, const struct tm_maps *maps,
			 struct tm_remote_code *ret, struct tm_err *err)
{
	*ret = (struct tm_remote_code){
		.insn = find_code(mem, maps, tm_syscall_return,
				  tm_syscall_return_len),
		.restorer = find_code(mem, maps, tm_restorer_code,
				      tm_restorer_code_len),
	};
	if (!ret->insn) {
		/* Good enough, but a thread has no way back without us. */
		ret->restorer = 0;
		ret->insn = find_code(mem, maps, tm_syscall_insn,
				      tm_syscall_insn_len);
	}
	return ret->insn ||
	       tm_err_set(err, TM_ERR_UNSUPPORTED, "",
			  "no system call instruction in its code");
}

/* A seccomp filter sees our calls and may kill for them: suspend it, or
 * refuse. A command of `run`, which is held, may have our own, as in a
 * container. */
static bool tame_seccomp(const struct tm_stop *stop, struct tm_thread *host,
			 struct tm_err *err)
{
	uint64_t mode = 0;

	tm_process_status_u64(stop->process->pid, host->tid, "Seccomp", 10,
			      &mode);
	if (mode == 0 || (stop->process->held && !tm_process_filtered(stop->process)) ||
	    tm_thread_option(host, PTRACE_O_SUSPEND_SECCOMP))
		return true;
	return tm_process_stays_filtered(stop->process, err);
}

/* ---- the way back without us ------------------------------------------------ */

/* Write the frame, after saving what is there. Without room for it the
 * call is made all the same: the time in which we must not be killed then is
 * some microseconds, or for a copy some milliseconds. */
static void place_frame(struct tm_remote *remote)
{
	struct tm_sigframe *frame;

	remote->way_back = tm_malloc(sizeof(*remote->way_back));
	frame = &remote->way_back->frame;
	remote->mem_fd = tm_poke_open(remote->host->tid);
	if (!remote->code.restorer || remote->mem_fd < 0 ||
	    !tm_sigframe_build(remote->host->tid, &remote->saved,
			       remote->saved_mask, remote->code.insn,
			       remote->code.restorer, frame))
		return;
	remote->has_frame =
		tm_mem_pread(remote->mem_fd, remote->way_back->under, frame->len,
			     frame->at) == frame->len &&
		tm_poke(remote->mem_fd, remote->host->tid, frame->at, frame->bytes,
			frame->len);
	if (!remote->has_frame)
		tm_log("no room for a signal frame at 0x%lx",
		       (unsigned long)frame->at);
}

static void remove_frame(struct tm_remote *remote)
{
	const struct tm_way_back *back = remote->way_back;

	if (remote->has_frame &&
	    !tm_poke(remote->mem_fd, remote->host->tid, back->frame.at, back->under,
		     back->frame.len))
		tm_log("the signal frame stays below the stack");
	free(remote->way_back);
	remote->way_back = NULL;
	remote->has_frame = false;
	if (remote->mem_fd >= 0)
		close(remote->mem_fd);
	remote->mem_fd = -1;
}

/* From here on, and until it has its own registers again, the thread would
 * run into the restorer without us. */
static void stand_on_restorer(const struct tm_remote *remote)
{
	struct tm_regs regs = remote->saved;

	if (!remote->has_frame)
		return;
	tm_regs_on_restorer(&regs, &remote->way_back->frame, remote->code.restorer);
	tm_regs_set(remote->host->tid, &regs);
}

/* The thread is usable and its registers are saved: now its signals. */
static bool borrow(struct tm_remote *remote, struct tm_err *err)
{
	uint64_t all = ~(uint64_t)0;
	pid_t tid = remote->host->tid;

	if (!tame_seccomp(remote->stop, remote->host, err))
		return false;
	if (ptrace(PTRACE_GETSIGMASK, tid, sizeof(all), &remote->saved_mask) != 0)
		return tm_err_os(err, errno, remote->stop->process->object,
				 "cannot read its signal mask");
	place_frame(remote);
	stand_on_restorer(remote);
	remote->borrowed = true;
	if (ptrace(PTRACE_SETSIGMASK, tid, sizeof(all), &all) == 0)
		return true;
	tm_err_os(err, errno, remote->stop->process->object,
		  "cannot block its signals");
	tm_remote_end(remote);
	return false;
}

static bool nobody(const struct tm_stop *stop, struct tm_err *err)
{
	tm_err_set(err, TM_ERR_BUSY, stop->process->object,
		   "no thread can execute a system call right now");
	return tm_stop_any(stop) ? false :
	       tm_err_hint(err, "all its threads wait where nothing stops them: in a frozen "
			   "cgroup, for a disk, or in vfork(); let it continue first");
}

bool tm_remote_begin_on(struct tm_stop *stop, struct tm_thread *host,
			struct tm_remote_code code, struct tm_remote *ret,
			struct tm_err *err)
{
	ret->stop = stop;
	ret->code = code;
	ret->host = host;
	ret->borrowed = false;
	ret->has_frame = false;
	ret->way_back = NULL;
	ret->mem_fd = -1;
	if (!tm_stop_keeps_program(stop, err))
		return false;
	return host && tm_host_can(host, &ret->saved) ? borrow(ret, err) : nobody(stop, err);
}

bool tm_remote_begin(struct tm_stop *stop, struct tm_remote_code code,
		     struct tm_remote *ret, struct tm_err *err)
{
	struct tm_err ignored;

	if (tm_remote_begin_on(stop, tm_host_for_syscall(stop), code, ret, err))
		return true;
	/* A filter is a thread's own: another may have none. */
	for (size_t i = 0; err->kind == TM_ERR_UNSUPPORTED && i < stop->n; i++)
		if (tm_remote_begin_on(stop, &stop->threads[i], code, ret, &ignored))
			return true;
	return false;
}

/* Wait for a stop of the host thread; other reports than stops mean death. */
static bool wait_stop(struct tm_remote *remote, int *ret_status,
		      struct tm_err *err)
{
	pid_t tid = remote->host->tid;
	pid_t got;

	do {
		got = waitpid(tid, ret_status, __WALL);
	} while (got < 0 && errno == EINTR);
	if (got == tid && WIFSTOPPED(*ret_status))
		return true;
	remote->host->state = TM_THREAD_GONE;
	remote->borrowed = false;
	remote->has_frame = false;
	return tm_err_set(err, TM_ERR_GONE, remote->stop->process->object,
			  "the process ended while it was being read");
}

static void child_born(struct tm_remote *remote, pid_t *ret_child)
{
	unsigned long message = 0;

	if (ret_child && ptrace(PTRACE_GETEVENTMSG, remote->host->tid, NULL,
				&message) == 0)
		*ret_child = (pid_t)message;
}

/* Run to the next entry or exit of a system call. */
static bool run_to_syscall_stop(struct tm_remote *remote, pid_t *ret_child,
				struct tm_err *err)
{
	for (;;) {
		int status;

		if (ptrace(PTRACE_SYSCALL, remote->host->tid, NULL, NULL) != 0 &&
		    errno != ESRCH)
			return tm_err_os(err, errno,
					 remote->stop->process->object,
					 "cannot run a system call in it");
		if (!wait_stop(remote, &status, err))
			return false;
		if (WSTOPSIG(status) == TM_SYSCALL_STOP)
			return true;
		if (status >> 16 == PTRACE_EVENT_CLONE ||
		    status >> 16 == PTRACE_EVENT_FORK ||
		    status >> 16 == PTRACE_EVENT_VFORK)
			child_born(remote, ret_child);
		tm_log("remote: passing stop status 0x%x", (unsigned)status);
	}
}

bool tm_remote_syscall(struct tm_remote *remote, long nr, const uint64_t args[6],
		       int64_t *ret, pid_t *ret_child, struct tm_err *err)
{
	struct tm_regs regs = remote->saved;

	if (ret_child)
		*ret_child = 0;
	tm_regs_syscall(&regs, remote->code.insn, nr, args);
	if (remote->has_frame)
		tm_regs_under_frame(&regs, &remote->way_back->frame);
	if (!tm_regs_set(remote->host->tid, &regs))
		return tm_err_os(err, errno, remote->stop->process->object,
				 "cannot set its registers");
	if (!run_to_syscall_stop(remote, NULL, err) ||
	    !run_to_syscall_stop(remote, ret_child, err))
		return false;
	if (!tm_regs_get(remote->host->tid, &regs))
		return tm_err_os(err, errno, remote->stop->process->object,
				 "cannot read its registers");
	*ret = tm_regs_result(&regs);
	return true;
}

void tm_remote_end(struct tm_remote *remote)
{
	if (remote->borrowed) {
		stand_on_restorer(remote);
		ptrace(PTRACE_SETSIGMASK, remote->host->tid,
		       sizeof(remote->saved_mask), &remote->saved_mask);
		tm_regs_set(remote->host->tid, &remote->saved);
	}
	remote->borrowed = false;
	/* Only now: until here the frame was the way back. */
	remove_frame(remote);
}

void tm_remote_leave(struct tm_remote *remote)
{
	remote->borrowed = false;
	remove_frame(remote);
}
