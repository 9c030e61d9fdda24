#include "remote/host.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#include "arch/arch.h"

/* ---- rseq ------------------------------------------------------------------------ */

/* linux/ptrace.h clashes with sys/ptrace.h; this is kernel ABI. */
enum { GET_RSEQ_CONFIGURATION = 0x420f };

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

static bool peek(pid_t tid, uint64_t at, uint64_t *ret)
{
	errno = 0;
	*ret = (uint64_t)ptrace(PTRACE_PEEKDATA, tid, at, NULL);
	return errno == 0;
}

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

/* ---- the choice ------------------------------------------------------------------- */

bool tm_host_can(const struct tm_thread *thread, struct tm_regs *ret)
{
	return tm_thread_stands(thread) && tm_regs_get(thread->tid, ret) &&
	       tm_regs_64bit(ret) && !in_rseq_section(thread->tid, tm_regs_pc(ret));
}

struct tm_thread *tm_host_choose(struct tm_stop *stop, const struct tm_host_rule *rule,
				 int *ret_fitness)
{
	struct tm_thread *best = NULL;

	*ret_fitness = 0;
	for (size_t i = 0; i < stop->n && !rule->enough(*ret_fitness, i); i++) {
		struct tm_regs regs;
		int fitness = tm_host_can(&stop->threads[i], &regs) ?
			      rule->fitness(rule->ctx, &regs) : 0;

		if (fitness > *ret_fitness) {
			*ret_fitness = fitness;
			best = &stop->threads[i];
		}
	}
	return best;
}

enum { RUNS = 1, WAITS };

static int waits_or_runs(void *ctx, const struct tm_regs *regs)
{
	uint64_t args[6];
	long nr;

	(void)ctx;
	return tm_regs_waiting(regs, NULL, 0, &nr, args) ? WAITS : RUNS;
}

static bool waits(int fitness, size_t seen)
{
	(void)seen;
	return fitness == WAITS;
}

struct tm_thread *tm_host_for_syscall(struct tm_stop *stop)
{
	static const struct tm_host_rule rule = { waits_or_runs, waits, NULL };
	int fitness;

	return tm_host_choose(stop, &rule, &fitness);
}

/* ---- waits ------------------------------------------------------------------------- */

/*
 * The C library's internal locks (lll_lock(), musl's __lock()) are waited for
 * by FUTEX_WAIT without a time; anything else is a wait of the program's own:
 * for a semaphore, a condition, a mutex with a timeout or with PI, a futex of
 * its own.
 */
static bool is_futex_wait(const uint64_t args[6])
{
	switch (args[1] & FUTEX_CMD_MASK) {
	case FUTEX_WAIT:
		return args[3] != 0;
	case FUTEX_WAIT_BITSET: case FUTEX_LOCK_PI: case FUTEX_LOCK_PI2:
	case FUTEX_WAIT_REQUEUE_PI:
		return true;
	default:
		return false;
	}
}

static bool is_fcntl_wait(const uint64_t args[6])
{
	return args[1] == F_SETLKW || args[1] == F_OFD_SETLKW;
}

/*
 * Calls that wait and that neither the allocator nor the thread library makes
 * under a lock. Not among them: what the allocator executes itself (mmap,
 * madvise, getrandom), and what does not stop for us while it waits (fsync,
 * vfork). The allocator opens and reads overcommit_memory, too, but does not
 * wait for that: such a call counts once a stop has `interrupted` it.
 * restart_syscall goes on with one that an earlier stop interrupted: which,
 * the registers do not say any more, but it is a wait with a timeout, of
 * poll, nanosleep, clock_nanosleep or futex.
 */
bool tm_host_waits(long nr, const uint64_t args[6], bool interrupted)
{
	switch (tm_syscall_generic(nr)) {
	case SYS_read: case SYS_openat:
		return interrupted;
	case SYS_futex:
		return is_futex_wait(args);
	case SYS_fcntl:
		return is_fcntl_wait(args);
	case SYS_restart_syscall: case SYS_futex_waitv:
	case SYS_nanosleep: case SYS_clock_nanosleep: case SYS_pselect6:
	case SYS_ppoll: case SYS_epoll_pwait: case SYS_epoll_pwait2:
	case SYS_readv: case SYS_recvfrom: case SYS_recvmsg: case SYS_recvmmsg:
	case SYS_accept: case SYS_accept4: case SYS_connect:
	case SYS_write: case SYS_writev: case SYS_sendto: case SYS_sendmsg:
	case SYS_sendmmsg: case SYS_sendfile: case SYS_splice: case SYS_tee:
	case SYS_vmsplice: case SYS_wait4: case SYS_waitid:
	case SYS_rt_sigtimedwait: case SYS_rt_sigsuspend:
	case SYS_msgrcv: case SYS_msgsnd: case SYS_semop: case SYS_semtimedop:
	case SYS_mq_timedreceive: case SYS_mq_timedsend: case SYS_flock:
	case SYS_io_getevents: case SYS_io_pgetevents: case SYS_io_uring_enter:
	case SYS_ioctl:
		return true;
	default:
		return false;
	}
}
