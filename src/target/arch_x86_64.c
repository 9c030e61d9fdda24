#include "target/arch.h"

#include <elf.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#ifndef __x86_64__
#error "arch_x86_64.c is for x86-64 only"
#endif

const unsigned char tm_syscall_insn[] = { 0x0f, 0x05 };
const unsigned tm_syscall_insn_len = 2;
const unsigned char tm_syscall_return[] = { 0x0f, 0x05, 0xc3 };
const unsigned tm_syscall_return_len = 3;

bool tm_regs_get(pid_t tid, struct user_regs_struct *ret)
{
	return ptrace(PTRACE_GETREGS, tid, NULL, ret) == 0;
}

bool tm_regs_set(pid_t tid, const struct user_regs_struct *regs)
{
	return ptrace(PTRACE_SETREGS, tid, NULL, regs) == 0;
}

bool tm_regs_eintr(const struct user_regs_struct *regs)
{
	return (int64_t)regs->orig_rax >= 0 && (int64_t)regs->rax == -EINTR;
}

void tm_regs_again(struct user_regs_struct *regs)
{
	regs->rax = regs->orig_rax;
	regs->rip -= tm_syscall_insn_len;
	/* Not in a system call any more: no restart logic of the kernel's. */
	regs->orig_rax = (unsigned long long)-1;
}

int64_t tm_regs_result(const struct user_regs_struct *regs)
{
	return (int64_t)regs->rax;
}

void tm_regs_syscall(struct user_regs_struct *regs, uint64_t at, long nr,
		     const uint64_t args[6])
{
	regs->rip = at;
	regs->rax = (unsigned long long)nr;
	regs->orig_rax = (unsigned long long)-1;
	regs->rdi = args[0];
	regs->rsi = args[1];
	regs->rdx = args[2];
	regs->r10 = args[3];
	regs->r8 = args[4];
	regs->r9 = args[5];
}

bool tm_regs_64bit(const struct user_regs_struct *regs)
{
	return regs->cs == 0x33;
}

uint64_t tm_regs_pc(const struct user_regs_struct *regs)
{
	return regs->rip;
}

void tm_regs_set_pc(struct user_regs_struct *regs, uint64_t pc)
{
	regs->rip = pc;
}

uint64_t tm_regs_sp(const struct user_regs_struct *regs)
{
	return regs->rsp;
}

uint64_t tm_regs_tls(const struct user_regs_struct *regs)
{
	return regs->fs_base;
}

long tm_regs_syscall_nr(const struct user_regs_struct *regs,
			const unsigned char *code, size_t len)
{
	if ((int64_t)regs->orig_rax >= 0)
		return (long)regs->orig_rax;
	/* An interrupted call that will be made again. */
	if (len >= tm_syscall_insn_len &&
	    memcmp(code, tm_syscall_insn, tm_syscall_insn_len) == 0)
		return (long)regs->rax;
	return -1;
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

bool tm_regs_waiting(const struct user_regs_struct *regs, const unsigned char *code,
		     size_t len, long *ret_nr, uint64_t ret_args[6])
{
	if ((int64_t)regs->orig_rax >= 0 && restarts((int64_t)regs->rax))
		*ret_nr = (long)regs->orig_rax;
	else if (len >= tm_syscall_insn_len &&
		 memcmp(code, tm_syscall_insn, tm_syscall_insn_len) == 0)
		*ret_nr = (long)regs->rax;
	else
		return false;
	ret_args[0] = regs->rdi;
	ret_args[1] = regs->rsi;
	ret_args[2] = regs->rdx;
	ret_args[3] = regs->r10;
	ret_args[4] = regs->r8;
	ret_args[5] = regs->r9;
	return true;
}

void tm_regs_call(struct user_regs_struct *regs, uint64_t function, uint64_t arg,
		  uint64_t stack)
{
	enum { DIRECTION_FLAG = 0x400 };

	regs->rip = function;
	regs->rdi = arg;
	regs->rsp = stack;
	regs->rbp = 0;
	regs->rax = 0;
	regs->eflags &= ~(unsigned long long)DIRECTION_FLAG;
	regs->orig_rax = (unsigned long long)-1;
}

long tm_regs_entered(const struct user_regs_struct *regs)
{
	return (long)regs->orig_rax;
}

bool tm_vector_regs_get(pid_t tid, struct tm_vector_regs *ret)
{
	struct iovec vec = { ret->bytes, sizeof(ret->bytes) };

	if (ptrace(PTRACE_GETREGSET, tid, NT_X86_XSTATE, &vec) != 0) {
		if (errno != ENODEV)
			return false;
		vec = (struct iovec){ ret->bytes, TM_FXSAVE_LEN };
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
		      regs->len == TM_FXSAVE_LEN ? NT_PRFPREG : NT_X86_XSTATE, &vec) == 0;
}

/* Debug register 7: local enable of breakpoint 0, its kind, its length. */
enum { DR7_ENABLE = 1, DR7_WRITE = 1 << 16, DR7_8_BYTES = 2 << 18 };

static bool set_debug(pid_t tid, int number, uint64_t value)
{
	size_t at = offsetof(struct user, u_debugreg) +
		    (size_t)number * sizeof(((struct user *)0)->u_debugreg[0]);

	return ptrace(PTRACE_POKEUSER, tid, at, value) == 0;
}

static bool set_break(pid_t tid, uint64_t at, uint64_t control)
{
	return set_debug(tid, 7, 0) && set_debug(tid, 0, at) &&
	       set_debug(tid, 7, control);
}

bool tm_break_write(pid_t tid, uint64_t at)
{
	return set_break(tid, at, DR7_ENABLE | DR7_WRITE | DR7_8_BYTES);
}

bool tm_break_clear(pid_t tid)
{
	return set_debug(tid, 7, 0);
}

bool tm_break_hit(pid_t tid)
{
	size_t at = offsetof(struct user, u_debugreg) +
		    6 * sizeof(((struct user *)0)->u_debugreg[0]);
	long status;

	errno = 0;
	status = ptrace(PTRACE_PEEKUSER, tid, at, NULL);
	if (errno || !(status & 1))
		return false;
	set_debug(tid, 6, 0);
	return true;
}

void tm_door_make(uint64_t entry, void *code)
{
	/* mov $39 (getpid), %eax; syscall; jmp *0(%rip); entry */
	static const unsigned char door[] = { 0xb8, 0x27, 0, 0, 0, 0x0f, 0x05,
					      0xff, 0x25, 0, 0, 0, 0 };
	_Static_assert(sizeof(door) + sizeof(entry) == TM_DOOR_LEN, "its length");

	memcpy(code, door, sizeof(door));
	memcpy((char *)code + sizeof(door), &entry, sizeof(entry));
}

bool tm_code_ends_handler(const unsigned char *code, size_t len)
{
	/* mov $15 (rt_sigreturn), %rax or %eax; syscall: glibc, musl. */
	static const unsigned char rax[] = { 0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0,
					     0x0f, 0x05 };
	static const unsigned char eax[] = { 0xb8, 0x0f, 0, 0, 0, 0x0f, 0x05 };

	return (len >= sizeof(rax) && memcmp(code, rax, sizeof(rax)) == 0) ||
	       (len >= sizeof(eax) && memcmp(code, eax, sizeof(eax)) == 0);
}
