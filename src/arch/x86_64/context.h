/*
 * Offsets in struct ucontext, where a signal handler's frame keeps the registers:
 * arch/x86/include/uapi/asm/sigcontext.h, struct sigcontext_64, which begins
 * 40 bytes into it. A part of the kernel's ABI since 2.6.
 */
#ifndef TM_ARCH_X86_64_CONTEXT_H
#define TM_ARCH_X86_64_CONTEXT_H

enum {
	UC_FLAGS = 0, UC_LINK = 8, UC_STACK_FLAGS = 24,
	UC_R8 = 40, UC_R9 = 48, UC_R10 = 56, UC_R11 = 64, UC_R12 = 72, UC_R13 = 80,
	UC_R14 = 88, UC_R15 = 96, UC_RDI = 104, UC_RSI = 112, UC_RBP = 120,
	UC_RBX = 128, UC_RDX = 136, UC_RAX = 144, UC_RCX = 152, UC_RSP = 160,
	UC_RIP = 168, UC_SEGMENTS = 184, UC_SS = 190, UC_FPSTATE = 224,
	UC_SIGMASK = 296, UC_SIZE = 304,
};

#endif
