#include "arch/x86_64/private.h"

#include <cpuid.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "base/guard.h"

/* ---- registers --------------------------------------------------------------- */

bool tm_regs_get(pid_t tid, struct tm_regs *ret)
{
	return ptrace(PTRACE_GETREGS, tid, NULL, &ret->user) == 0;
}

bool tm_regs_set(pid_t tid, const struct tm_regs *regs)
{
	return ptrace(PTRACE_SETREGS, tid, NULL, &regs->user) == 0;
}

bool tm_regs_64bit(const struct tm_regs *regs)
{
	return regs->user.cs == 0x33;
}

uint64_t tm_regs_pc(const struct tm_regs *regs)
{
	return regs->user.rip;
}

void tm_regs_set_pc(struct tm_regs *regs, uint64_t pc)
{
	regs->user.rip = pc;
}

uint64_t tm_regs_sp(const struct tm_regs *regs)
{
	return regs->user.rsp;
}

uint64_t tm_regs_tls(const struct tm_regs *regs)
{
	return regs->user.fs_base;
}

void tm_regs_call(struct tm_regs *regs, uint64_t function, uint64_t arg,
		  uint64_t stack)
{
	enum { DIRECTION_FLAG = 0x400 };

	regs->user.rip = function;
	regs->user.rdi = arg;
	regs->user.rsp = stack;
	regs->user.rbp = 0;
	regs->user.rax = 0;
	regs->user.eflags &= ~(unsigned long long)DIRECTION_FLAG;
	regs->user.orig_rax = (unsigned long long)-1;
}

bool tm_vector_regs_get(pid_t tid, struct tm_vector_regs *ret)
{
	struct iovec vec = { ret->bytes, sizeof(ret->bytes) };

	if (ptrace(PTRACE_GETREGSET, tid, NT_X86_XSTATE, &vec) != 0) {
		if (errno != ENODEV)
			return false;
		vec = (struct iovec){ ret->bytes, FXSAVE_LEN };
		if (ptrace(PTRACE_GETREGSET, tid, NT_PRFPREG, &vec) != 0)
			return false;
	}
	ret->len = vec.iov_len;
	return true;
}

bool tm_vector_regs_set(pid_t tid, const struct tm_vector_regs *regs)
{
	struct iovec vec = { (void *)regs->bytes, regs->len };

	return ptrace(PTRACE_SETREGSET, tid,
		      regs->len == FXSAVE_LEN ? NT_PRFPREG : NT_X86_XSTATE, &vec) == 0;
}

/* ---- system calls ------------------------------------------------------------- */

bool tm_regs_eintr(const struct tm_regs *regs)
{
	return (int64_t)regs->user.orig_rax >= 0 && (int64_t)regs->user.rax == -EINTR;
}

void tm_regs_again(struct tm_regs *regs)
{
	regs->user.rax = regs->user.orig_rax;
	regs->user.rip -= tm_syscall_insn_len;
	/* Not in a system call any more: no restart logic of the kernel's. */
	regs->user.orig_rax = (unsigned long long)-1;
}

static bool is_pointer(uint64_t value)
{
	return value >> 32 != 0;
}

/* poll(), clock_nanosleep(), futex(); nanosleep() has no shape of its own. */
static long restarted_by_arguments(const struct tm_regs *regs)
{
	enum { OP = 0x7f, WAIT_BITSET = 9, FEW = 8 };

	if (is_pointer(regs->user.rdi) && regs->user.rsi >= 1 && regs->user.rsi <= FEW)
		return SYS_poll; /* no operation of futex() that waits so */
	if (is_pointer(regs->user.rdi) && (regs->user.rsi & OP) == WAIT_BITSET &&
	    is_pointer(regs->user.r10) && (uint32_t)regs->user.r9 == UINT32_MAX)
		return SYS_futex;
	if (!is_pointer(regs->user.rdi) && regs->user.rsi <= 1 && is_pointer(regs->user.rdx))
		return SYS_clock_nanosleep;
	return regs->user.rdi == 0 && regs->user.rsi == 0 ? SYS_poll : -1;
}

long x86_restarted(const struct tm_regs *regs, const unsigned char before[X86_BEFORE_LEN])
{
	int32_t number;

	/* mov $number, %eax; syscall */
	if (before[0] != 0xb8 || memcmp(before + 5, tm_syscall_insn, 2) != 0)
		return restarted_by_arguments(regs);
	memcpy(&number, before + 1, sizeof(number));
	return number == SYS_poll || number == SYS_nanosleep ||
	       number == SYS_clock_nanosleep || number == SYS_futex ? number : -1;
}

int64_t tm_regs_result(const struct tm_regs *regs)
{
	return (int64_t)regs->user.rax;
}

void tm_regs_syscall(struct tm_regs *regs, uint64_t at, long nr,
		     const uint64_t args[6])
{
	regs->user.rip = at;
	regs->user.rax = (unsigned long long)nr;
	regs->user.orig_rax = (unsigned long long)-1;
	regs->user.rdi = args[0];
	regs->user.rsi = args[1];
	regs->user.rdx = args[2];
	regs->user.r10 = args[3];
	regs->user.r8 = args[4];
	regs->user.r9 = args[5];
}

long tm_regs_entered(const struct tm_regs *regs)
{
	return (long)regs->user.orig_rax;
}

long tm_regs_syscall_nr(const struct tm_regs *regs,
			const unsigned char *code, size_t len)
{
	if ((int64_t)regs->user.orig_rax >= 0)
		return (long)regs->user.orig_rax;
	/* An interrupted call that will be made again. */
	return x86_is_syscall(code, len) ? (long)regs->user.rax : -1;
}

/* include/linux/errno.h: what a call that is to be restarted returns inside
 * the kernel, and shows to a tracer. */
enum { RESTARTSYS = 512, RESTARTNOINTR = 513, RESTARTNOHAND = 514,
       RESTART_RESTARTBLOCK = 516 };

static bool restarts(int64_t result)
{
	return result == -RESTARTSYS || result == -RESTARTNOINTR ||
	       result == -RESTARTNOHAND || result == -RESTART_RESTARTBLOCK;
}

bool tm_regs_waiting(const struct tm_regs *regs, const unsigned char *code,
		     size_t len, long *ret_nr, uint64_t ret_args[6])
{
	if ((int64_t)regs->user.orig_rax >= 0 && restarts((int64_t)regs->user.rax))
		*ret_nr = (long)regs->user.orig_rax;
	else if (x86_is_syscall(code, len))
		*ret_nr = (long)regs->user.rax;
	else
		return false;
	ret_args[0] = regs->user.rdi;
	ret_args[1] = regs->user.rsi;
	ret_args[2] = regs->user.rdx;
	ret_args[3] = regs->user.r10;
	ret_args[4] = regs->user.r8;
	ret_args[5] = regs->user.r9;
	return true;
}

long tm_syscall_generic(long nr)
{
	switch (nr) {
	case SYS_open: return SYS_openat;
	case SYS_pause: return SYS_rt_sigsuspend;
	case SYS_select: return SYS_pselect6;
	case SYS_poll: return SYS_ppoll;
	case SYS_epoll_wait: return SYS_epoll_pwait;
	default: return nr;
	}
}

/* ---- the processor ------------------------------------------------------------ */

/* Those of 2003 and 2004 have it in 32-bit code only. */
const char *tm_cpu_lacks(void)
{
	unsigned a, b, c = 0, d;

	if (__get_cpuid(0x80000001, &a, &b, &c, &d) && c & bit_LAHF_LM)
		return NULL;
	return "LAHF";
}

/* A shadow stack. */
bool tm_cpu_guards_returns(pid_t pid)
{
	char path[64], line[256];
	TM_GUARD(tm_file_close) FILE *file = NULL;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, "x86_Thread_features:", 20) == 0)
			return strstr(line, "shstk") != NULL;
	return false;
}
