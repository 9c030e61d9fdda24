/* Code that runs in the target, on x86-64: see arch/payload.h. */
#ifndef TM_ARCH_PAYLOAD_CPU_H
#define TM_ARCH_PAYLOAD_CPU_H

__attribute__((always_inline))
static inline long tm_payload_syscall(long nr, long a, long b, long c, long d)
{
	register long fourth __asm__("r10") = d;

	__asm__ volatile("syscall" : "+a"(nr) : "D"(a), "S"(b), "d"(c), "r"(fourth)
			 : "rcx", "r11", "memory");
	return nr;
}

#define TM_PAYLOAD_DETOUR(section, name, handler, passed, moved) \
__asm__( \
	"	.pushsection " section ", \"ax\", @progbits\n" \
	"	.globl	" name "\n" \
	"	.hidden	" name "\n" \
	name ":\n" \
	"	cmpl	$0, " passed "(%rip)\n" \
	"	jne	1f\n" \
	"	push	%rbp\n" \
	"	mov	%rsp, %rbp\n" \
	"	push	%rax\n" \
	"	push	%rcx\n" \
	"	push	%rdx\n" \
	"	push	%rsi\n" \
	"	push	%rdi\n" \
	"	push	%r8\n" \
	"	push	%r9\n" \
	"	push	%r10\n" \
	"	push	%r11\n" \
	"	and	$-16, %rsp\n" \
	"	call	" handler "\n" \
	"	lea	-72(%rbp), %rsp\n" \
	"	pop	%r11\n" \
	"	pop	%r10\n" \
	"	pop	%r9\n" \
	"	pop	%r8\n" \
	"	pop	%rdi\n" \
	"	pop	%rsi\n" \
	"	pop	%rdx\n" \
	"	pop	%rcx\n" \
	"	pop	%rax\n" \
	"	pop	%rbp\n" \
	"1:	jmp	*" moved "(%rip)\n" \
	"	.popsection\n")

#endif
