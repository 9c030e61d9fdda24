#include "arch/x86_64/private.h"

#include <string.h>
#include <sys/syscall.h>

#include "arch/x86_64/insn.h"
#include "base/load.h"

const unsigned char tm_syscall_insn[] = { 0x0f, 0x05 };
const unsigned tm_syscall_insn_len = sizeof(tm_syscall_insn);
const unsigned char tm_syscall_return[] = { 0x0f, 0x05, 0xc3 };
const unsigned tm_syscall_return_len = sizeof(tm_syscall_return);
/* leave; ret */
const unsigned char tm_frame_end[] = { 0xc9, 0xc3 };
const unsigned tm_frame_end_len = sizeof(tm_frame_end);
/* mov $SYS_rt_sigreturn, %rax; syscall */
const unsigned char tm_restorer_code[] = {
	0x48, 0xc7, 0xc0, SYS_rt_sigreturn, 0, 0, 0, 0x0f, 0x05
};
const unsigned tm_restorer_code_len = sizeof(tm_restorer_code);

_Static_assert(sizeof(tm_restorer_code) == TM_HANDLER_END_LEN, "its length");

bool x86_is_syscall(const unsigned char *code, size_t len)
{
	return len >= sizeof(tm_syscall_insn) &&
	       memcmp(code, tm_syscall_insn, sizeof(tm_syscall_insn)) == 0;
}

bool tm_code_ends_handler(const unsigned char *code, size_t len)
{
	/* The same by way of %eax. */
	static const unsigned char eax[] = { 0xb8, SYS_rt_sigreturn, 0, 0, 0, 0x0f, 0x05 };

	return (len >= sizeof(tm_restorer_code) &&
		memcmp(code, tm_restorer_code, sizeof(tm_restorer_code)) == 0) ||
	       (len >= sizeof(eax) && memcmp(code, eax, sizeof(eax)) == 0);
}

/* mov KEPT(%rsp),%rdi; mov 8(%rdi),%rsi; sub KEPT-8(%rsp),%rsi */
static const unsigned char go_load[] = { 0x48, 0x8b, 0x7c, 0x24 };
static const unsigned char go_end[] = { 0x48, 0x8b, 0x77, 0x08, 0x48, 0x2b, 0x74, 0x24 };
enum {
	GO_END = sizeof(go_load) + 1,
	GO_LEN = GO_END + sizeof(go_end) + 1,
	GO_TLS = TM_GO_RETURN_LEN - GO_LEN, /* mov $OFFSET,%rcx or mov OFFSET(%rip),%rcx */
};

static bool loads_tls(const unsigned char *code)
{
	return code[0] == 0x48 && ((code[1] == 0xc7 && code[2] == 0xc1) ||
				   (code[1] == 0x8b && code[2] == 0x0d));
}

bool tm_code_returns_to_go(const unsigned char *code, size_t len, unsigned *ret_kept)
{
	unsigned kept;

	if (len >= TM_GO_RETURN_LEN && loads_tls(code)) {
		code += GO_TLS;
		len -= GO_TLS;
	}
	if (len < GO_LEN || memcmp(code, go_load, sizeof(go_load)) != 0 ||
	    memcmp(code + GO_END, go_end, sizeof(go_end)) != 0)
		return false;
	kept = code[GO_END - 1];
	if (kept % 8 != 0 || kept < 8 || kept > 0x78 || code[GO_LEN - 1] != kept - 8)
		return false;
	*ret_kept = kept / 8;
	return true;
}

/* The code at `at` in [begin, end) after a call through %rax. */
static bool is_go_return(const unsigned char *begin, const unsigned char *at,
			 const unsigned char *end, unsigned *ret_kept)
{
	return at - begin >= 2 && at[-2] == 0xff && at[-1] == 0xd0 &&
	       tm_code_returns_to_go(at, (size_t)(end - at), ret_kept);
}

const unsigned char *tm_code_find_go_return(const unsigned char *code, size_t len,
					    unsigned *ret_kept)
{
	const unsigned char *end = code + len, *at = code, *found;

	while ((found = memmem(at, (size_t)(end - at), go_end, sizeof(go_end)))) {
		at = found + 1;
		if (found - code < 2 + GO_END + GO_TLS)
			continue;
		found -= GO_END;
		if (is_go_return(code, found, end, ret_kept))
			return found;
		if (is_go_return(code, found - GO_TLS, end, ret_kept))
			return found - GO_TLS;
	}
	return NULL;
}

/* ff /2 of `len` bytes: a call through a register (mod 3) or memory. */
static bool is_indirect_call(const unsigned char *code, unsigned len,
			     bool through_memory)
{
	unsigned mod = code[1] >> 6, rm = code[1] & 7;
	unsigned sib = mod != 3 && rm == 4;

	if (code[0] != 0xff || (code[1] >> 3 & 7) != 2 ||
	    (through_memory && mod == 3) || len < 2 + sib)
		return false;
	if (mod == 2 || (mod == 0 && (rm == 5 || (sib && (code[2] & 7) == 5))))
		return len == 6 + sib;
	return len == 2 + sib + (mod == 1);
}

bool tm_code_ends_in_call(const unsigned char code[TM_CALL_MAX], bool through_memory)
{
	for (unsigned len = 2; len <= TM_CALL_MAX; len++)
		if (is_indirect_call(code + TM_CALL_MAX - len, len, through_memory))
			return true;
	return !through_memory && code[TM_CALL_MAX - 5] == 0xe8;
}

void tm_door_make(uint64_t entry, void *code)
{
	/* mov $SYS_getpid, %eax; syscall; jmp *0(%rip); entry */
	static const unsigned char door[] = { 0xb8, SYS_getpid, 0, 0, 0, 0x0f,
					      0x05, 0xff, 0x25, 0, 0, 0, 0 };
	_Static_assert(sizeof(door) + sizeof(entry) == TM_DOOR_LEN, "its length");

	memcpy(code, door, sizeof(door));
	memcpy((char *)code + sizeof(door), &entry, sizeof(entry));
}

void tm_code_trap(void *code, size_t len)
{
	memset(code, 0xcc, len); /* int3 */
}

/* ---- what code refers to ------------------------------------------------------ */

/* How many bytes of immediate follow the operand. */
static size_t immediate_len(const unsigned char *modrm)
{
	switch (modrm[-1]) {
	case 0x80: case 0x83: case 0xc6: case 0x6b: case 0xc1:
		return 1;
	case 0x81: case 0xc7: case 0x69:
		return 4;
	default:
		return 0;
	}
}

static uint64_t load_signed(const unsigned char *bytes, size_t at)
{
	return (uint64_t)(int64_t)(int32_t)tm_load_u32(bytes, at);
}

/* After a ModRM byte: a displacement from rip; after a mov to a register: an
 * absolute address (code that is not position independent). */
uint64_t tm_code_operand(const unsigned char *bytes, size_t len, size_t i, uint64_t at)
{
	if (i < 2 || len < TM_OPERAND_LEN || i > len - TM_OPERAND_LEN)
		return 0;
	if ((bytes[i - 1] & 0xc7) == 0x05)
		return at + i + TM_OPERAND_LEN + immediate_len(bytes + i - 1) +
		       load_signed(bytes, i);
	return bytes[i - 1] >= 0xb8 && bytes[i - 1] <= 0xbf ? tm_load_u32(bytes, i) : 0;
}

void tm_code_meanings(const unsigned char bytes[TM_OPERAND_LEN], uint64_t at,
		      uint64_t ret[TM_OPERAND_MEANINGS])
{
	ret[0] = at + TM_OPERAND_LEN + load_signed(bytes, 0);
	ret[1] = tm_load_u32(bytes, 0);
}

uint64_t tm_code_hands_on(const uint8_t *bytes, size_t size, uint64_t at)
{
	struct x86_insn insn;
	uint64_t perhaps = at;

	for (size_t i = 0; i < size && x86_decode(bytes + i, size - i, &insn);
	     i += insn.length) {
		uint64_t target;

		if (!insn.rel_at)
			continue;
		target = x86_target(&insn, bytes + i, at + i);
		if (target - at < size)
			continue;
		/* A branch may lead to a part that is rarely executed. */
		if (insn.flow != X86_BRANCH)
			return target;
		perhaps = target;
	}
	return perhaps;
}
