/* Types and sizes of x86-64; arch/arch.h says what each is for. */
#ifndef TM_ARCH_CPU_H
#define TM_ARCH_CPU_H

#include <elf.h>
#include <sys/user.h>

#ifndef __x86_64__
#error "src/arch/x86_64 is for x86-64 only"
#endif

#define TM_CPU_NAME "x86-64"
#define TM_USER_END (1ull << 47)
#define TM_LOCAL_NONE UINT64_MAX
/* A jump reaches 2 GiB. What moved instructions refer to may be some way off
 * the function. */
#define TM_VDSO_CLOCK "__vdso_clock_gettime"
#define TM_NEAR_REACH ((1ull << 31) - (256ull << 20))

struct tm_regs {
	struct user_regs_struct user;
};

enum {
	TM_ELF_MACHINE = EM_X86_64,

	TM_VECTOR_MAX = 16384,        /* AMX tiles need 11 KiB */
	TM_SIGFRAME_MAX = 18 * 1024,

	TM_RED_ZONE = 128,
	TM_RETURN_SLOT = 8,
	TM_UNWIND_REGS = 17,          /* to rip */
	TM_UCONTEXT_LEN = 176,

	TM_GO_RETURN_LEN = 21,
	TM_HANDLER_END_LEN = 9,
	TM_HANDLER_END_CALL = 7,
	TM_CALL_MAX = 7,              /* call *disp32(base, index) */
	TM_OPERAND_LEN = 4,
	TM_OPERAND_MEANINGS = 2,
	TM_DOOR_LEN = 21,
	TM_DOOR_CALL_LEN = 7,         /* mov $, %eax; syscall */

	TM_LANDING_LEN = 4,           /* endbr64 */
	TM_JUMP_SIZE = 5,             /* jmp rel32 */
	TM_TRAMPOLINE_SIZE = 96,
	TM_STUB_SIZE = 48,
	TM_STUB_ORIGINAL = 39,

	TM_READS_REGISTERS = 16,

	/* glibc: tcbhead_t.dtv, dtv_t, struct pthread.specific_1stblock. */
	TM_LOCAL_IMAGES = 8,
	TM_LOCAL_IMAGE_SIZE = 16,
	TM_LOCAL_KEYS = 0x310,
	TM_LOCAL_NKEYS = 32,
};

#endif
