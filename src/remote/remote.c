#include "remote/remote.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "base/log.h"
#include "target/arch.h"

/* linux/ptrace.h clashes with sys/ptrace.h; these are kernel ABI. */
enum {
	GET_RSEQ_CONFIGURATION = 0x420f,
	EVENT_STOP = 128,
	SYSCALL_STOP = SIGTRAP | 0x80,
};

struct rseq_configuration { /* struct ptrace_rseq_configuration, Linux 5.13 */
	uint64_t rseq_abi_pointer;
	uint32_t rseq_abi_size;
	uint32_t signature;
	uint32_t flags;
	uint32_t pad;
};

/* linux/rseq.h: where struct rseq keeps its critical section, and the fields
 * of struct rseq_cs. */
enum { RSEQ_CS = 8, CS_START_IP = 8, CS_POST_COMMIT_OFFSET = 16 };

/* In pieces that stay in the cache and need no fresh pages. */
static tm_addr find_in_region(struct tm_mem *mem, const struct tm_region *region,
			      const void *code, size_t code_len)
{
	enum { LIMIT = 4 << 20, PIECE = 1 << 16, OVERLAP = 64 };
	TM_GUARD(tm_free_ptr) char *bytes = tm_malloc(PIECE);
	tm_addr end = region->end - region->start > LIMIT ? region->start + LIMIT
							  : region->end;

	for (tm_addr at = region->start; at < end; at += PIECE - OVERLAP) {
		size_t want = end - at < PIECE ? (size_t)(end - at) : PIECE;
		size_t len = tm_mem_read_some(mem, at, bytes, want);
		const char *hit = memmem(bytes, len, code, code_len);

		if (hit)
			return at + (tm_addr)(hit - bytes);
		if (len < want)
			break;
	}
	return 0;
}

/* The C library has both and is looked at first, whatever it is called. */
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
	for (int libc = 1; libc >= 0; libc--)
		for (size_t i = 0; i < maps->n; i++) {
			const struct tm_region *region = &maps->regions[i];
			tm_addr at;

			if (!region->executable || !region->readable ||
			    is_libc(region) != (libc == 1) ||
			    strcmp(region->path, "[vsyscall]") == 0)
				continue;
			at = find_in_region(mem, region, code, len);
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

static bool peek(pid_t tid, uint64_t at, uint64_t *ret)
{
	errno = 0;
	*ret = (uint64_t)ptrace(PTRACE_PEEKDATA, tid, at, NULL);
	return errno == 0;
}

/* Inside an rseq critical section the kernel would abort to a handler when we
 * move the program counter: such a thread is left alone. */
static bool in_rseq_section(pid_t tid, uint64_t pc)
{
	struct rseq_configuration conf;
	uint64_t cs, start, length;

	if (ptrace((enum __ptrace_request)GET_RSEQ_CONFIGURATION, tid, sizeof(conf), &conf) <= 0 ||
	    !conf.rseq_abi_pointer)
		return false;
	if (!peek(tid, conf.rseq_abi_pointer + RSEQ_CS, &cs))
		return true;
	/* The kernel clears a section that was left only lazily. */
	return cs && (!peek(tid, cs + CS_START_IP, &start) ||
		      !peek(tid, cs + CS_POST_COMMIT_OFFSET, &length) ||
		      pc - start < length);
}

/* A seccomp filter sees our calls and may kill for them: suspend it, or
 * refuse. */
static bool tame_seccomp(const struct tm_stop *stop, struct tm_thread *host,
			 struct tm_err *err)
{
	uint64_t mode = 0;

	tm_process_status_u64(stop->process->pid, host->tid, "Seccomp", 10,
			      &mode);
	if (mode == 0 || tm_thread_option(host, PTRACE_O_SUSPEND_SECCOMP))
		return true;
	tm_err_set(err, TM_ERR_UNSUPPORTED, stop->process->object,
		   "a seccomp filter watches its system calls and may not be suspended by us");
	return tm_err_hint(err, "run tmattach with CAP_SYS_ADMIN");
}

static bool usable(const struct tm_thread *thread,
		   struct user_regs_struct *regs)
{
	return (thread->state == TM_THREAD_STOPPED ||
		thread->state == TM_THREAD_GROUP_STOP) &&
	       tm_regs_get(thread->tid, regs) && tm_regs_64bit(regs) &&
	       !in_rseq_section(thread->tid, tm_regs_pc(regs));
}

/* ---- the way back without us ------------------------------------------------ */

/* Write the frame, after keeping what stands there. Without room for it the
 * call is made all the same: the time in which we must not be killed then is
 * some microseconds, or for a copy some milliseconds. */
static void place_frame(struct tm_remote *remote)
{
	struct tm_sigframe *frame = &remote->frame;
	char path[64];

	remote->has_frame = false;
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)remote->host->tid);
	remote->mem_fd = open(path, O_RDWR | O_CLOEXEC);
	if (!remote->code.restorer || remote->mem_fd < 0 ||
	    !tm_sigframe_build(remote->host->tid, &remote->saved,
			       remote->saved_mask, remote->code.insn,
			       remote->code.restorer, frame))
		return;
	remote->has_frame =
		pread(remote->mem_fd, remote->under, frame->len,
		      (off_t)frame->at) == (ssize_t)frame->len &&
		pwrite(remote->mem_fd, frame->bytes, frame->len,
		       (off_t)frame->at) == (ssize_t)frame->len;
	if (!remote->has_frame)
		tm_log("no room for a signal frame at 0x%lx",
		       (unsigned long)frame->at);
}

static void remove_frame(struct tm_remote *remote)
{
	struct tm_sigframe *frame = &remote->frame;

	if (remote->has_frame &&
	    pwrite(remote->mem_fd, remote->under, frame->len,
		   (off_t)frame->at) != (ssize_t)frame->len)
		tm_log("the signal frame stays below the stack");
	remote->has_frame = false;
	if (remote->mem_fd >= 0)
		close(remote->mem_fd);
	remote->mem_fd = -1;
}

/* From here on, and until it has its own registers again, the thread would
 * run into the restorer without us. */
static void stand_on_restorer(const struct tm_remote *remote)
{
	struct user_regs_struct regs = remote->saved;

	if (!remote->has_frame)
		return;
	tm_regs_on_restorer(&regs, &remote->frame, remote->code.restorer);
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
	return tm_err_set(err, TM_ERR_BUSY, stop->process->object,
			  "no thread can execute a system call right now");
}

static void prepare(struct tm_remote *remote, struct tm_stop *stop,
		    struct tm_remote_code code)
{
	remote->stop = stop;
	remote->code = code;
	remote->host = NULL;
	remote->borrowed = false;
	remote->has_frame = false;
	remote->mem_fd = -1;
}

bool tm_remote_begin(struct tm_stop *stop, struct tm_remote_code code,
		     struct tm_remote *ret, struct tm_err *err)
{
	prepare(ret, stop, code);
	for (size_t i = 0; i < stop->n && !ret->host; i++)
		if (usable(&stop->threads[i], &ret->saved))
			ret->host = &stop->threads[i];
	return ret->host ? borrow(ret, err) : nobody(stop, err);
}

bool tm_remote_begin_on(struct tm_stop *stop, struct tm_thread *host,
			struct tm_remote_code code, struct tm_remote *ret,
			struct tm_err *err)
{
	prepare(ret, stop, code);
	if (!usable(host, &ret->saved))
		return nobody(stop, err);
	ret->host = host;
	return borrow(ret, err);
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
		if (WSTOPSIG(status) == SYSCALL_STOP)
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
	struct user_regs_struct regs = remote->saved;

	if (ret_child)
		*ret_child = 0;
	tm_regs_syscall(&regs, remote->code.insn, nr, args);
	if (remote->has_frame)
		tm_regs_under_frame(&regs, &remote->frame);
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
