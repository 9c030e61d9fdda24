#if defined(__x86_64__)

#include <libunwind.h>

#include "native/unwind_arch.h"

bool native_unwind_reg(const struct user_regs_struct *regs, int number,
		       uint64_t *ret)
{
	switch (number) {
	case UNW_X86_64_RAX: *ret = regs->rax; return true;
	case UNW_X86_64_RDX: *ret = regs->rdx; return true;
	case UNW_X86_64_RCX: *ret = regs->rcx; return true;
	case UNW_X86_64_RBX: *ret = regs->rbx; return true;
	case UNW_X86_64_RSI: *ret = regs->rsi; return true;
	case UNW_X86_64_RDI: *ret = regs->rdi; return true;
	case UNW_X86_64_RBP: *ret = regs->rbp; return true;
	case UNW_X86_64_RSP: *ret = regs->rsp; return true;
	case UNW_X86_64_R8: *ret = regs->r8; return true;
	case UNW_X86_64_R9: *ret = regs->r9; return true;
	case UNW_X86_64_R10: *ret = regs->r10; return true;
	case UNW_X86_64_R11: *ret = regs->r11; return true;
	case UNW_X86_64_R12: *ret = regs->r12; return true;
	case UNW_X86_64_R13: *ret = regs->r13; return true;
	case UNW_X86_64_R14: *ret = regs->r14; return true;
	case UNW_X86_64_R15: *ret = regs->r15; return true;
	case UNW_X86_64_RIP: *ret = regs->rip; return true;
	default: return false;
	}
}

/* How long is `ff /2` with this addressing (`left` bytes of it are there)?
 * 0: that is no such instruction. */
static size_t indirect_call_len(const unsigned char *modrm, size_t left)
{
	unsigned mod = modrm[0] >> 6, rm = modrm[0] & 7;
	size_t len = 2;

	if ((modrm[0] >> 3 & 7) != 2 || (mod != 3 && rm == 4 && left < 2))
		return 0;
	if (mod == 3)
		return len;
	if (rm == 4)
		len++;
	if (mod == 1)
		len += 1;
	else if (mod == 2 || (mod == 0 && rm == 5) ||
		 (mod == 0 && rm == 4 && (modrm[1] & 7) == 5))
		len += 4;
	return len;
}

bool native_is_call(const unsigned char *bytes, size_t len)
{
	if (len >= 5 && bytes[len - 5] == 0xe8)
		return true;
	for (size_t n = 2; n <= 7 && n <= len; n++)
		if (bytes[len - n] == 0xff &&
		    indirect_call_len(bytes + len - n + 1, n - 1) == n)
			return true;
	return false;
}

#endif
