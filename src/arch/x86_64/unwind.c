#include "arch/x86_64/private.h"

#include <string.h>

#include "base/load.h"

/* DWARF's number (System V ABI, table 3.36) -> where the kernel's struct has it. */
static const size_t reg_offset[TM_UNWIND_REGS] = {
#define AT(name) offsetof(struct user_regs_struct, name)
	AT(rax), AT(rdx), AT(rcx), AT(rbx), AT(rsi), AT(rdi), AT(rbp), AT(rsp),
	AT(r8), AT(r9), AT(r10), AT(r11), AT(r12), AT(r13), AT(r14), AT(r15),
	AT(rip),
#undef AT
};

bool tm_regs_dwarf(const struct tm_regs *regs, int number, uint64_t *ret)
{
	if (number < 0 || number >= TM_UNWIND_REGS)
		return false;
	*ret = tm_load_u64(&regs->user, reg_offset[number]);
	return true;
}

bool tm_regs_set_dwarf(struct tm_regs *regs, int number, uint64_t value)
{
	if (number < 0 || number >= TM_UNWIND_REGS)
		return false;
	memcpy((char *)&regs->user + reg_offset[number], &value, sizeof(value));
	return true;
}

uint64_t tm_regs_fp(const struct tm_regs *regs)
{
	return regs->user.rbp;
}

void tm_regs_step(struct tm_regs *regs, const uint64_t frame[2])
{
	regs->user.rsp = regs->user.rbp + 16;
	regs->user.rbp = frame[0];
	regs->user.rip = frame[1];
}

void tm_regs_returned(struct tm_regs *regs, uint64_t pc, uint64_t sp)
{
	regs->user.rsp = sp;
	regs->user.rip = pc;
}

void tm_regs_before_signal(struct tm_regs *ret,
			   const unsigned char context[TM_UCONTEXT_LEN])
{
	_Static_assert(UC_RIP + 8 == TM_UCONTEXT_LEN, "to the last of them");

	*ret = (struct tm_regs){ .user = {
#define FROM(name, at) .name = tm_load_u64(context, at)
		FROM(r8, UC_R8), FROM(r9, UC_R9), FROM(r10, UC_R10), FROM(r11, UC_R11),
		FROM(r12, UC_R12), FROM(r13, UC_R13), FROM(r14, UC_R14),
		FROM(r15, UC_R15), FROM(rdi, UC_RDI), FROM(rsi, UC_RSI),
		FROM(rbp, UC_RBP), FROM(rbx, UC_RBX), FROM(rdx, UC_RDX),
		FROM(rax, UC_RAX), FROM(rcx, UC_RCX), FROM(rsp, UC_RSP),
		FROM(rip, UC_RIP),
#undef FROM
	} };
}
