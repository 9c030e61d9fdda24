#if defined(__x86_64__)

#include <libunwind.h>
#include <stddef.h>
#include <string.h>

#include "base/load.h"
#include "native/unwind_arch.h"

/* libunwind's number -> where the kernel's struct has it. */
static const size_t reg_offset[] = {
	[UNW_X86_64_RAX] = offsetof(struct user_regs_struct, rax),
	[UNW_X86_64_RDX] = offsetof(struct user_regs_struct, rdx),
	[UNW_X86_64_RCX] = offsetof(struct user_regs_struct, rcx),
	[UNW_X86_64_RBX] = offsetof(struct user_regs_struct, rbx),
	[UNW_X86_64_RSI] = offsetof(struct user_regs_struct, rsi),
	[UNW_X86_64_RDI] = offsetof(struct user_regs_struct, rdi),
	[UNW_X86_64_RBP] = offsetof(struct user_regs_struct, rbp),
	[UNW_X86_64_RSP] = offsetof(struct user_regs_struct, rsp),
	[UNW_X86_64_R8] = offsetof(struct user_regs_struct, r8),
	[UNW_X86_64_R9] = offsetof(struct user_regs_struct, r9),
	[UNW_X86_64_R10] = offsetof(struct user_regs_struct, r10),
	[UNW_X86_64_R11] = offsetof(struct user_regs_struct, r11),
	[UNW_X86_64_R12] = offsetof(struct user_regs_struct, r12),
	[UNW_X86_64_R13] = offsetof(struct user_regs_struct, r13),
	[UNW_X86_64_R14] = offsetof(struct user_regs_struct, r14),
	[UNW_X86_64_R15] = offsetof(struct user_regs_struct, r15),
	[UNW_X86_64_RIP] = offsetof(struct user_regs_struct, rip),
};

enum { NREGS = sizeof(reg_offset) / sizeof(reg_offset[0]) };

bool native_unwind_reg(const struct user_regs_struct *regs, int number,
		       uint64_t *ret)
{
	if (number < 0 || number >= NREGS)
		return false;
	*ret = tm_load_u64(regs, reg_offset[number]);
	return true;
}

void native_cursor_regs(unw_cursor_t *cursor, struct user_regs_struct *ret)
{
	*ret = (struct user_regs_struct){ 0 };
	for (int i = 0; i < NREGS; i++) {
		unw_word_t value;

		if (unw_get_reg(cursor, i, &value) == 0)
			memcpy((char *)ret + reg_offset[i], &value,
			       sizeof(value));
	}
}

uint64_t native_frame_pointer(const struct user_regs_struct *regs)
{
	return regs->rbp;
}

void native_frame_pointer_step(struct user_regs_struct *regs,
			       const uint64_t frame[2])
{
	regs->rsp = regs->rbp + 16;
	regs->rbp = frame[0];
	regs->rip = frame[1];
}

/* mov $15, %rax; syscall */
bool native_is_sigreturn(const unsigned char code[NATIVE_SIGRETURN_LEN])
{
	static const unsigned char sigreturn[NATIVE_SIGRETURN_LEN] = {
		0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05,
	};

	return memcmp(code, sigreturn, sizeof(sigreturn)) == 0;
}

/* arch/x86/include/uapi/asm/sigcontext.h, struct sigcontext_64, which stands
 * 40 bytes into the ucontext. */
void native_ucontext_regs(const unsigned char bytes[NATIVE_UCONTEXT_LEN],
			  struct user_regs_struct *ret)
{
	enum { R8 = 40, R9 = 48, R10 = 56, R11 = 64, R12 = 72, R13 = 80,
	       R14 = 88, R15 = 96, RDI = 104, RSI = 112, RBP = 120, RBX = 128,
	       RDX = 136, RAX = 144, RCX = 152, RSP = 160, RIP = 168 };

	*ret = (struct user_regs_struct){
		.r8 = tm_load_u64(bytes, R8), .r9 = tm_load_u64(bytes, R9),
		.r10 = tm_load_u64(bytes, R10), .r11 = tm_load_u64(bytes, R11),
		.r12 = tm_load_u64(bytes, R12), .r13 = tm_load_u64(bytes, R13),
		.r14 = tm_load_u64(bytes, R14), .r15 = tm_load_u64(bytes, R15),
		.rdi = tm_load_u64(bytes, RDI), .rsi = tm_load_u64(bytes, RSI),
		.rbp = tm_load_u64(bytes, RBP), .rbx = tm_load_u64(bytes, RBX),
		.rdx = tm_load_u64(bytes, RDX), .rax = tm_load_u64(bytes, RAX),
		.rcx = tm_load_u64(bytes, RCX), .rsp = tm_load_u64(bytes, RSP),
		.rip = tm_load_u64(bytes, RIP),
	};
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
