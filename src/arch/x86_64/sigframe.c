#include "arch/x86_64/private.h"

#include <errno.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

/*
 * struct rt_sigframe of arch/x86/include/asm/sigframe.h: the return address,
 * struct ucontext, struct siginfo; a part of the kernel's ABI since 2.6.
 */
enum {
	RETURN = 0, CONTEXT = 8,
	SIGINFO = CONTEXT + UC_SIZE, FRAME_SIZE = SIGINFO + TM_SIGFRAME_SCRATCH,
	/* UC_FP_XSTATE; UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS */
	FP_XSTATE = 1, FLAGS = 6, ALL_FLAGS = 15,
	USER_CS = 0x33,
	/* No such flag: the alternate stack stays as it is. */
	BAD_STACK_FLAGS = 0x40000000,
};

/* struct _fpx_sw_bytes, in the last 48 bytes of the FXSAVE area. */
enum {
	SW_BYTES = 464, SW_EXTENDED_SIZE = 468, SW_XFEATURES = 472,
	SW_XSTATE_SIZE = 480,
	MAGIC1 = 0x46505853, MAGIC2 = 0x46505845,
};

/* The kernel's own codes of calls that are to be executed again. */
enum { RESTART_FIRST = -516, RESTART_LAST = -512 };

static void put(unsigned char *bytes, size_t at, uint64_t value, size_t len)
{
	memcpy(bytes + at, &value, len);
}

static bool peek_text(pid_t tid, uint64_t at, unsigned char ret[static sizeof(long)])
{
	long word;

	errno = 0;
	word = ptrace(PTRACE_PEEKTEXT, tid, at, NULL);
	memcpy(ret, &word, sizeof(word));
	return errno == 0;
}

/* sigreturn forgets what restart_syscall() was to go on with: the call itself
 * begins again, or, if it is not known, ends with EINTR. */
static void name_restarted_call(pid_t tid, struct tm_regs *regs)
{
	unsigned char before[sizeof(long)];
	long nr = -1;

	if (peek_text(tid, regs->user.rip - sizeof(before), before))
		nr = x86_restarted(regs, before + sizeof(before) - X86_BEFORE_LEN);
	if (nr >= 0)
		regs->user.orig_rax = (unsigned long long)nr;
}

/* The kernel has already put it before restart_syscall(): as if the last
 * stop had just interrupted that. */
static void undo_restart(pid_t tid, struct tm_regs *regs)
{
	unsigned char code[sizeof(long)];

	if (regs->user.rax != SYS_restart_syscall || !peek_text(tid, regs->user.rip, code) ||
	    !x86_is_syscall(code, sizeof(code)))
		return;
	regs->user.rip += tm_syscall_insn_len;
	regs->user.orig_rax = SYS_restart_syscall;
	regs->user.rax = (unsigned long long)RESTART_FIRST;
}

/* sigreturn restarts nothing: put the thread before the call again. */
static void undo_interrupted_call(pid_t tid, struct tm_regs *regs)
{
	int64_t result;

	undo_restart(tid, regs);
	result = (int64_t)regs->user.rax;
	if ((int64_t)regs->user.orig_rax < 0 || result < RESTART_FIRST || result > RESTART_LAST)
		return;
	if (regs->user.orig_rax == SYS_restart_syscall)
		name_restarted_call(tid, regs);
	tm_regs_again(regs);
}

static void put_registers(unsigned char *bytes,
			  const struct tm_regs *regs)
{
	const unsigned long long values[] = {
		regs->user.r8, regs->user.r9, regs->user.r10, regs->user.r11, regs->user.r12, regs->user.r13,
		regs->user.r14, regs->user.r15, regs->user.rdi, regs->user.rsi, regs->user.rbp,
		regs->user.rbx, regs->user.rdx, regs->user.rax, regs->user.rcx, regs->user.rsp,
		regs->user.rip, regs->user.eflags,
	};

	memcpy(bytes + CONTEXT + UC_R8, values, sizeof(values));
	put(bytes, CONTEXT + UC_SEGMENTS, regs->user.cs, 2);
	put(bytes, CONTEXT + UC_SS, regs->user.ss, 2);
}

/* The XSAVE area as ptrace gives it lacks what the kernel writes around it. */
static void mark_xsave(unsigned char *area, size_t len)
{
	uint64_t features;

	memcpy(&features, area + SW_BYTES, sizeof(features));
	memset(area + SW_BYTES, 0, 48);
	put(area, SW_BYTES, MAGIC1, 4);
	put(area, SW_EXTENDED_SIZE, len + 4, 4);
	put(area, SW_XFEATURES, features, 8);
	put(area, SW_XSTATE_SIZE, len, 4);
	put(area, len, MAGIC2, 4);
}

static void put_frame(unsigned char *bytes, const struct tm_regs *regs,
		      uint64_t mask, uint64_t restorer, uint64_t fpstate, uint64_t flags)
{
	put(bytes, RETURN, restorer, 8);
	put(bytes, CONTEXT + UC_FLAGS, flags, 8);
	put(bytes, CONTEXT + UC_STACK_FLAGS, BAD_STACK_FLAGS, 4);
	put_registers(bytes, regs);
	put(bytes, CONTEXT + UC_FPSTATE, fpstate, 8);
	put(bytes, CONTEXT + UC_SIGMASK, mask, 8);
}

bool tm_sigframe_build(pid_t tid, const struct tm_regs *regs,
		       uint64_t mask, uint64_t insn, uint64_t restorer,
		       struct tm_sigframe *ret)
{
	const uint64_t status[6] = { TM_LEAVE_STATUS };
	struct tm_regs back = *regs, leave = *regs;
	struct tm_vector_regs vector;
	uint64_t fpstate;
	bool has_xsave;

	if (!tm_vector_regs_get(tid, &vector) || vector.len < FXSAVE_LEN ||
	    vector.len > TM_SIGFRAME_MAX - 2 * FRAME_SIZE - 256)
		return false;
	undo_interrupted_call(tid, &back);
	tm_regs_syscall(&leave, insn, SYS_exit_group, status);
	/* XRSTOR wants 64-byte alignment. */
	fpstate = (regs->user.rsp - TM_RED_ZONE - vector.len - 8) & ~(uint64_t)63;
	/* As the kernel aligns it: the return address as after a call. */
	ret->back = ((fpstate - FRAME_SIZE) & ~(uint64_t)15) - 8;
	ret->leave = (ret->back - FRAME_SIZE) & ~(uint64_t)15;
	ret->at = ret->leave;
	ret->scratch = ret->leave + SIGINFO;
	ret->len = (size_t)(fpstate - ret->at) + vector.len + 4;
	memset(ret->bytes, 0, ret->len);
	has_xsave = vector.len > FXSAVE_LEN;
	put_frame(ret->bytes, &leave, ~(uint64_t)0, restorer, 0, FLAGS);
	put_frame(ret->bytes + (ret->back - ret->at), &back, mask, restorer,
		  fpstate, has_xsave ? FLAGS | FP_XSTATE : FLAGS);
	memcpy(ret->bytes + (fpstate - ret->at), vector.bytes, vector.len);
	if (has_xsave)
		mark_xsave(ret->bytes + (fpstate - ret->at), vector.len);
	return true;
}

void tm_sigframe_move(struct tm_sigframe *frame, uint64_t end)
{
	/* In steps that keep XRSTOR content. */
	uint64_t by = (end - (frame->at + frame->len)) & ~(uint64_t)63;
	unsigned char *fpstate = frame->bytes + (frame->back - frame->at) + CONTEXT +
				 UC_FPSTATE;
	uint64_t at;

	memcpy(&at, fpstate, sizeof(at));
	put(fpstate, 0, at + by, 8);
	frame->at += by;
	frame->back += by;
	frame->leave += by;
	frame->scratch += by;
}

void tm_regs_on_restorer(struct tm_regs *regs,
			 const struct tm_sigframe *frame, uint64_t restorer)
{
	regs->user.rip = restorer;
	regs->user.rsp = frame->back + 8;
	regs->user.orig_rax = (unsigned long long)-1;
}

void tm_regs_under_frame(struct tm_regs *regs,
			 const struct tm_sigframe *frame)
{
	regs->user.rsp = frame->back;
}

bool tm_sigframe_saved(const uint64_t *words, size_t left, uint64_t *ret_pc,
		       uint64_t *ret_sp)
{
	const uint64_t *context = words + CONTEXT / 8;

	if (left <= (CONTEXT + UC_SEGMENTS) / 8 || context[UC_LINK / 8] ||
	    context[UC_FLAGS / 8] > ALL_FLAGS ||
	    (uint16_t)context[UC_SEGMENTS / 8] != USER_CS)
		return false;
	*ret_pc = context[UC_RIP / 8];
	*ret_sp = context[UC_RSP / 8];
	return true;
}

bool tm_sigframe_is_pc(const uint64_t *words, size_t left)
{
	/* The flags and the code segment follow it. */
	enum { SEGMENTS = (UC_SEGMENTS - UC_RIP) / 8 };

	return left > SEGMENTS && (uint16_t)words[SEGMENTS] == USER_CS;
}
