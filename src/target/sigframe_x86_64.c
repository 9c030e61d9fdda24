#include "target/sigframe.h"

#include <string.h>
#include <sys/syscall.h>

#include "target/arch.h"

#ifndef __x86_64__
#error "sigframe_x86_64.c is for x86-64 only"
#endif

/* mov $15, %rax; syscall */
const unsigned char tm_restorer_code[] = {
	0x48, 0xc7, 0xc0, 0x0f, 0x00, 0x00, 0x00, 0x0f, 0x05
};
const unsigned tm_restorer_code_len = sizeof(tm_restorer_code);

/*
 * struct rt_sigframe of arch/x86/include/asm/sigframe.h: the return address,
 * struct ucontext, struct siginfo; a part of the kernel's ABI since 2.6.
 */
enum {
	RETURN = 0, UC_FLAGS = 8, UC_STACK_FLAGS = 32, UC_REGS = 48,
	UC_SEGMENTS = 192, UC_SS = 198, UC_FPSTATE = 232, UC_SIGMASK = 304,
	SIGINFO = 312, FRAME_SIZE = SIGINFO + TM_SIGFRAME_SCRATCH,
	/* UC_FP_XSTATE; UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS */
	FP_XSTATE = 1, FLAGS = 6,
	/* No such flag: the alternate stack stays as it is. */
	BAD_STACK_FLAGS = 0x40000000,
	RED_ZONE = 128,
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

/* sigreturn restarts nothing: have the call stand before the thread again. */
static void undo_interrupted_call(struct user_regs_struct *regs)
{
	int64_t result = (int64_t)regs->rax;

	if ((int64_t)regs->orig_rax >= 0 && result >= RESTART_FIRST &&
	    result <= RESTART_LAST)
		tm_regs_again(regs);
}

static void put_registers(unsigned char *bytes,
			  const struct user_regs_struct *regs)
{
	const unsigned long long values[] = {
		regs->r8, regs->r9, regs->r10, regs->r11, regs->r12, regs->r13,
		regs->r14, regs->r15, regs->rdi, regs->rsi, regs->rbp,
		regs->rbx, regs->rdx, regs->rax, regs->rcx, regs->rsp,
		regs->rip, regs->eflags,
	};

	memcpy(bytes + UC_REGS, values, sizeof(values));
	put(bytes, UC_SEGMENTS, regs->cs, 2);
	put(bytes, UC_SS, regs->ss, 2);
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

static void put_frame(unsigned char *bytes, const struct user_regs_struct *regs,
		      uint64_t mask, uint64_t restorer, uint64_t fpstate, uint64_t flags)
{
	put(bytes, RETURN, restorer, 8);
	put(bytes, UC_FLAGS, flags, 8);
	put(bytes, UC_STACK_FLAGS, BAD_STACK_FLAGS, 4);
	put_registers(bytes, regs);
	put(bytes, UC_FPSTATE, fpstate, 8);
	put(bytes, UC_SIGMASK, mask, 8);
}

bool tm_sigframe_build(pid_t tid, const struct user_regs_struct *regs,
		       uint64_t mask, uint64_t insn, uint64_t restorer,
		       struct tm_sigframe *ret)
{
	const uint64_t status[6] = { TM_LEAVE_STATUS };
	struct user_regs_struct back = *regs, leave = *regs;
	struct tm_vector_regs vector;
	uint64_t fpstate;
	bool has_xsave;

	if (!tm_vector_regs_get(tid, &vector) || vector.len < TM_FXSAVE_LEN ||
	    vector.len > TM_SIGFRAME_MAX - 2 * FRAME_SIZE - 256)
		return false;
	undo_interrupted_call(&back);
	tm_regs_syscall(&leave, insn, SYS_exit_group, status);
	/* XRSTOR wants 64-byte alignment. */
	fpstate = (regs->rsp - RED_ZONE - vector.len - 8) & ~(uint64_t)63;
	/* As the kernel aligns it: the return address as behind a call. */
	ret->back = ((fpstate - FRAME_SIZE) & ~(uint64_t)15) - 8;
	ret->leave = (ret->back - FRAME_SIZE) & ~(uint64_t)15;
	ret->at = ret->leave;
	ret->scratch = ret->leave + SIGINFO;
	ret->len = (size_t)(fpstate - ret->at) + vector.len + 4;
	memset(ret->bytes, 0, ret->len);
	has_xsave = vector.len > TM_FXSAVE_LEN;
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
	unsigned char *fpstate = frame->bytes + (frame->back - frame->at) + UC_FPSTATE;
	uint64_t at;

	memcpy(&at, fpstate, sizeof(at));
	put(fpstate, 0, at + by, 8);
	frame->at += by;
	frame->back += by;
	frame->leave += by;
	frame->scratch += by;
}

void tm_regs_on_restorer(struct user_regs_struct *regs,
			 const struct tm_sigframe *frame, uint64_t restorer)
{
	regs->rip = restorer;
	regs->rsp = frame->back + 8;
	regs->orig_rax = (unsigned long long)-1;
}

void tm_regs_under_frame(struct user_regs_struct *regs,
			 const struct tm_sigframe *frame)
{
	regs->rsp = frame->back;
}
