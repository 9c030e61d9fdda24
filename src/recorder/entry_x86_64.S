/*
 * The hooks that call the function they stand for, and go on when it returns.
 *
 * A thread may rest in that function for long (a lock of the allocator), and
 * tmattach may want to be gone by then. So everything such a call keeps is in
 * one frame of a known shape, struct tm_recorder_call, right above the return
 * address tm_rest; no register but rbp has to be put back. From outside that
 * return address can be exchanged for any "leave; ret" of the program, and the
 * thread never comes back here. Our own addresses are kept inverted: what is
 * left of old frames on a stack shall not look like a way into our code.
 *
 * What comes in: the arguments of the function, and the patch's entry in r9,
 * the sixth argument register, which none of these functions uses.
 */
#include "recorder/entry_x86_64.h"

	.text

/* Go on as if we were not there unless something is recorded. */
.macro PASS_UNLESS_ENABLED
	mov	tm_code+CODE_GATE(%rip), %r11
	cmpl	$0, (%r11)
	je	pass
.endm

.macro FRAME after
	push	%rbp
	mov	%rsp, %rbp
	sub	$CALL_RBP, %rsp
	mov	%rdi, CALL_RDI(%rsp)
	mov	%rsi, CALL_RSI(%rsp)
	mov	%rdx, CALL_RDX(%rsp)
	mov	%rcx, CALL_RCX(%rsp)
	mov	%r8, CALL_R8(%rsp)
	mov	%r9, %r11
	not	%r11
	mov	%r11, CALL_ENTRY(%rsp)
	lea	\after(%rip), %rax
	not	%rax
	mov	%rax, CALL_AFTER(%rsp)
.endm

.macro ARGUMENTS
	mov	CALL_RDI(%rsp), %rdi
	mov	CALL_RSI(%rsp), %rsi
	mov	CALL_RDX(%rsp), %rdx
	mov	CALL_RCX(%rsp), %rcx
	mov	CALL_R8(%rsp), %r8
	mov	CALL_ENTRY(%rsp), %r9
	not	%r9
.endm

.macro HOOK name
	.p2align 4
	.type	tm_hook_\name, @function
tm_hook_\name:
	endbr64
	PASS_UNLESS_ENABLED
.endm

/* Record what the function has given out. */
.macro HOOK_AROUND name
	HOOK	\name
	FRAME	tm_after_\name
	jmp	around
	.size	tm_hook_\name, . - tm_hook_\name
.endm

/* Forget the old block before. */
.macro HOOK_MOVE name
	HOOK	\name
	FRAME	tm_after_\name
	mov	%rsp, %rdi
	call	tm_before_move
	ARGUMENTS
	jmp	around
	.size	tm_hook_\name, . - tm_hook_\name
.endm

	.p2align 4
around:
	call	*ENTRY_ORIGINAL(%r9)
	.globl	tm_rest
	.hidden	tm_rest
tm_rest:
	mov	%rax, %rdi
	mov	%rsp, %rsi
	mov	CALL_AFTER(%rsp), %rax
	not	%rax
	call	*%rax
	leave
	ret

pass:
	jmp	*ENTRY_ORIGINAL(%r9)

	HOOK_AROUND malloc
	HOOK_AROUND calloc
	HOOK_AROUND aligned
	HOOK_AROUND posix_memalign
	HOOK_MOVE realloc
	HOOK_MOVE reallocarray

/*
 * operator new may throw, and nothing can be thrown through our frame. So the
 * variant that returns a null pointer is tried first; if it has none, the
 * original throws, with no frame of ours between. Its return address is not
 * one to exchange: the null pointer must not get out.
 */
	HOOK	new
	cmpq	$0, ENTRY_NOTHROW(%r9)
	je	pass
	FRAME	tm_after_malloc
	call	*ENTRY_NOTHROW(%r9)
	test	%rax, %rax
	jnz	tm_rest
	ARGUMENTS
	leave
	jmp	pass
	.size	tm_hook_new, . - tm_hook_new

	.section .note.GNU-stack, "", @progbits
